//! The house stays as it was planned: imports only go down the floors, each outside crate has one doorway, the
//! library neither prints nor asks the clock, and no code branches on a table's name.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the library, from words to flow. A module may use what stands on a lower floor. Stages are
/// strangers: those that share a floor do not know each other, except on the lowest.
const FLOORS: &[&[&str]] = &[
    &["error", "clock", "hmac", "page", "progress", "report", "schedule", "stop", "schema"],
    &["tables", "cpu"],
    &["config"],
    &["api", "archive", "decode", "data_file", "store"],
    &["columns", "mask"],
    &["fold", "seen"],
    &["manifest"],
    &["lake"],
    &["erase"],
    &["sync", "status", "verify", "forecast", "forget", "reset", "check", "publish"],
];

/// Outside crates, and the one place that knows each.
const DOORWAYS: &[(&str, &str)] = &[
    ("reqwest", "src/api/transport"),
    ("simd_json", "src/decode"),
    ("parquet", "src/data_file"),
    ("object_store", "src/store"),
    ("rayon", "src/cpu.rs"),
    ("zstd", "src/archive"),
    ("clap", "src/door"),
    ("aws_config", "src/door/aws.rs"),
    ("aws_credential_types", "src/door/aws.rs"),
    ("aws_smithy_http_client", "src/door/aws.rs"),
    ("aws_types", "src/door/aws.rs"),
    ("indicatif", "src/door"),
    ("tracing_subscriber", "src/door"),
];

struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The code without comments and without the tests at its end.
    fn code(&self) -> impl Iterator<Item = &str> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let lines = self.text[..end].lines();
        lines
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| line.split(" // ").next().unwrap())
    }

    /// The module of the library that it belongs to.
    fn module(&self) -> &str {
        let below = self.path.trim_start_matches("src/");
        below.split(['/', '.']).next().unwrap()
    }

    fn is_library(&self) -> bool {
        !matches!(self.module(), "door" | "main" | "lib") && !self.is_test()
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = !name.starts_with('.') || name == ".ci";
        if entry.file_type().unwrap().is_dir() {
            if is_ours && !["target", "demo-lake", "__pycache__", "corpus", "artifacts"].contains(&&*name) {
                files(&entry.path(), found);
            }
        } else if name != ".git" {
            found.push(entry.path());
        }
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    files(&root().join("src"), &mut found);
    let relative = |path: &PathBuf| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    found
        .iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| Source { path: relative(path), text: fs::read_to_string(path).unwrap() })
        .collect()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The names that follow `crate::`, also those in braces right behind it.
fn used(line: &str) -> Vec<&str> {
    let name = |text: &'_ str| {
        text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap().len()
    };
    let mut names = Vec::new();
    for rest in line.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(several) => {
                let inside = several.split('}').next().unwrap();
                names.extend(inside.split(',').map(str::trim).map(|one| &one[..name(one)]));
            }
            None => names.push(&rest[..name(rest)]),
        }
    }
    names
}

/// Whether a line of code names this crate, as the beginning of a path.
fn names(line: &str, krate: &str) -> bool {
    let within =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(krate).any(|(start, _)| {
        let (before, after) = (&line[..start], &line[start + krate.len()..]);
        let begins = !within(before.chars().next_back()) && !before.ends_with("::") && !before.ends_with('.');
        begins && (after.starts_with("::") || (before.trim_end().ends_with("use") && after.starts_with(';')))
    })
}

/// All that is wrong, at once.
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn every_module_stands_on_a_floor() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    none(&modules.filter(|name| floor(name).is_none()).map(ToOwned::to_owned).collect::<Vec<_>>());
}

#[test]
fn imports_only_go_down_the_floors() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| source.is_library()) {
        let own = source.module();
        let own_floor = floor(own).unwrap_or_else(|| panic!("{} stands on no floor", source.path));
        for name in source.code().flat_map(used).filter(|name| *name != own) {
            let allowed = floor(name).is_none_or(|other| other < own_floor || (other == 0 && own_floor == 0));
            if !allowed {
                problems.push(format!("{} uses crate::{name}, which is not below it", source.path));
            }
        }
    }
    none(&problems);
}

#[test]
fn outside_crates_have_one_doorway() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (name, doorway) in DOORWAYS {
            if !source.path.starts_with(doorway) && source.code().any(|line| names(line, name)) {
                problems.push(format!("{} knows {name}, whose doorway is {doorway}", source.path));
            }
        }
    }
    none(&problems);
}

#[test]
fn the_library_is_silent_and_asks_nobody() {
    let forbidden =
        ["println!", "eprintln!", "print!(", "dbg!", "std::env::", "Timestamp::now", "SystemTime::now"];
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| source.is_library()) {
        for word in forbidden.iter().filter(|word| source.code().any(|line| line.contains(**word))) {
            problems.push(format!("{} has {word}", source.path));
        }
    }
    none(&problems);
}

#[test]
fn no_code_branches_on_the_name_of_a_table() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| source.is_library() && source.module() != "tables") {
        for table in drift2parquet::tables::ALL.iter().map(|table| table.name) {
            let branches = [
                format!("== \"{table}\""),
                format!("!= \"{table}\""),
                format!("\"{table}\" =>"),
                format!("\"{table}\" |"),
                format!("matches!(name, \"{table}\""),
            ];
            for branch in branches.iter().filter(|branch| source.code().any(|line| line.contains(*branch))) {
                problems.push(format!("{} has {branch}", source.path));
            }
        }
    }
    none(&problems);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent =
        sources().into_iter().filter(|source| !source.text.starts_with("//!")).map(|source| source.path);
    none(&silent.filter(|path| !path.ends_with("/tests.rs")).collect::<Vec<_>>());
}

/// The tree speaks of the project alone: not of the machine it was written on, nor of the tools that helped.
#[test]
fn the_tree_speaks_of_the_project_alone() {
    // Joined here, so that this file does not hold them itself.
    let whole = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/tmp", "/wt"],
        ["cl", "aude"],
        ["anth", "ropic"],
        ["chat", "gpt"],
        ["copi", "lot"],
        ["language", " model"],
    ];
    let words: Vec<String> = whole.iter().map(|parts| parts.concat()).collect();
    let mut found = Vec::new();
    files(root(), &mut found);
    let mut problems = Vec::new();
    for path in found {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let text = text.to_lowercase();
        for word in words.iter().filter(|word| text.contains(*word)) {
            problems.push(format!("{} holds {word}", path.display()));
        }
    }
    none(&problems);
}
