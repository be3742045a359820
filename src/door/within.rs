//! Nothing else may lie within a lake: readers take every file in a table's folder for data, and `verify` names what
//! is not the lake's own.

use std::fs::{canonicalize, read_dir};
use std::path::{Path, PathBuf, absolute};

use drift2parquet::error::{Error, Result};
use drift2parquet::manifest::number_of;

/// Refuses a `path` that lies within a lake in a directory; `what` is to lie there, such as `the report`.
///
/// # Errors
/// [`Error::usage`], which names the lake.
pub fn refuse_within_a_lake(path: &Path, what: &str) -> Result<()> {
    match lake_around(path) {
        None => Ok(()),
        Some(lake) => {
            Err(Error::usage(format!("{what} would lie within a lake, whose readers would take it for data"))
                .at("place", path.display())
                .at("lake", lake.display())
                .hint("give a place outside of every lake; nothing was changed"))
        }
    }
}

/// The lake that a path lies in; links are followed as far as the path is there.
fn lake_around(path: &Path) -> Option<PathBuf> {
    let path = absolute(path).ok()?;
    let there = path.ancestors().skip(1).find_map(|folder| canonicalize(folder).ok())?;
    there.ancestors().find(|folder| is_lake(folder)).map(Path::to_path_buf)
}

fn is_lake(folder: &Path) -> bool {
    let Ok(entries) = read_dir(folder.join("_manifest")) else { return false };
    let mut names = entries.flatten().map(|entry| entry.file_name());
    names.any(|name| number_of(&format!("_manifest/{}", name.to_string_lossy())).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lie_within_a_lake_is_refused_and_what_lies_beside_one_is_not() {
        let place = tempfile::tempdir().unwrap();
        let lake = place.path().join("lake");
        std::fs::create_dir_all(lake.join("_manifest")).unwrap();
        assert!(
            refuse_within_a_lake(&lake.join("report.json"), "it").is_ok(),
            "a folder of that name is no lake yet"
        );
        std::fs::write(lake.join("_manifest/00000000000000000001.json"), "{}").unwrap();
        for within in ["users/users.parquet", "report.json", "not/yet/there"] {
            let refused = refuse_within_a_lake(&lake.join(within), "the report").unwrap_err();
            assert!(refused.to_string().contains("the report would lie within a lake"), "{within}");
        }
        assert!(refuse_within_a_lake(&lake, "it").is_ok());
        assert!(refuse_within_a_lake(&place.path().join("report.json"), "it").is_ok());
    }
}
