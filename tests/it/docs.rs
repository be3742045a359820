//! Generated pages say what the code says.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

const PAGES: &[&str] = &["tables.md", "ddl.md", "cli.md", "exit-codes.md"];

#[test]
fn generated_pages_are_fresh() {
    let written = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_drift2parquet")).arg("docs").arg(written.path()).assert().success();
    for page in PAGES {
        let fresh = fs::read_to_string(written.path().join(page)).unwrap();
        let kept = fs::read_to_string(docs().join(page)).unwrap_or_default();
        assert!(kept == fresh, "docs/{page} is stale; run `make docs`");
    }
}

#[test]
fn every_field_of_the_manifest_is_explained() {
    let page = fs::read_to_string(docs().join("manifest.md")).unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manifest/format.rs");
    let source = fs::read_to_string(source).unwrap();
    let fields = source.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(':'));
    for (field, _) in fields.filter(|(field, _)| !field.contains('(')) {
        assert!(page.contains(&format!("`{field}`")), "docs/manifest.md says nothing of `{field}`");
    }
}

#[test]
fn every_page_is_reachable_and_every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("ARCHITECTURE.md"), root.join("CHANGELOG.md")];
    pages.extend(fs::read_dir(docs()).unwrap().map(|entry| entry.unwrap().path()));
    for page in pages.iter().filter(|page| page.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(page).unwrap();
        for target in links(&text) {
            let path = page.parent().unwrap().join(target.split('#').next().unwrap());
            assert!(path.exists(), "{} links to {target}, which is not there", page.display());
        }
    }
}

/// The targets of links within the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

fn docs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}
