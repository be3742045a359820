//! What is said when a directory cannot be used: where, what the system said, and what helps.

use std::io::{Error as Cause, ErrorKind};
use std::path::Path;

use crate::error::Error;

pub(super) fn cannot_read(place: &Path, cause: Cause) -> Error {
    let hint = match cause.kind() {
        _ if lacks_files(&cause) => MORE_FILES,
        ErrorKind::InvalidInput => "move what does not belong to the lake out of it, then run again",
        ErrorKind::IsADirectory => {
            "there is a directory where the lake has a file: move it out of the lake, then run `drift2parquet verify`"
        }
        ErrorKind::PermissionDenied => {
            "give this user the right to read the lake's directory, then run again"
        }
        _ => "check that the disk is readable, then run `drift2parquet verify`",
    };
    Error::store("cannot read from the lake").caused_by(cause).at("path", place.display()).hint(hint)
}

pub(super) fn cannot_write(place: &Path, cause: Cause) -> Error {
    let remedy = if lacks_files(&cause) { MORE_FILES } else { remedy(cause.kind()) };
    Error::store("cannot write to the lake").caused_by(cause).at("path", place.display()).hint(remedy)
}

/// Said where the process, or the system, has as many open files as it may.
const MORE_FILES: &str =
    "no more files may be open: raise `ulimit -n`, then run again; what was committed is safe";

/// Whether no more files may be open; Rust has no name for it.
fn lacks_files(cause: &Cause) -> bool {
    /// `EMFILE` and `ENFILE`, on every Unix.
    const TOO_MANY: [i32; 2] = [24, 23];
    cause.raw_os_error().is_some_and(|number| TOO_MANY.contains(&number))
}

/// The remedy is the whole message to many, so it names what is wrong and not all that might be.
fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "no space left for the lake: make room or lift the quota or the limit on file sizes, then run again; what was committed is safe"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is mounted read-only: mount it for writing or give another directory to --lake, then run again"
        }
        ErrorKind::PermissionDenied => {
            "give this user the right to write to the lake's directory, then run again; what was committed is safe"
        }
        ErrorKind::NotFound => {
            "the lake's directory, or a part of it, was removed or moved during the run: see that nothing else does so, then run again"
        }
        _ => "check free space and rights of the directory, then run again; what was committed is safe",
    }
}

pub(super) fn no_access(root: &Path, cause: Cause) -> Error {
    let hint = match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::ReadOnlyFilesystem => {
            remedy(cause.kind())
        }
        _ => "give a directory that this user may write to --lake",
    };
    Error::store("cannot use the lake's directory").caused_by(cause).at("path", root.display()).hint(hint)
}

pub(super) fn is_a_file(root: &Path) -> Error {
    Error::usage("the lake is a file, not a directory")
        .at("lake", root.display())
        .hint("give a directory, or a path that does not exist yet, to --lake")
}

pub(super) fn held(lock: &Path) -> Error {
    Error::held("another run is writing to this lake")
        .at("lock", lock.display())
        .hint("wait for it to end, or stop it; a lock never outlives its process")
}

pub(super) fn changed_meanwhile(place: &Path) -> Error {
    Error::held("an object was changed by someone else during this run")
        .at("path", place.display())
        .hint("make sure that only one drift2parquet writes to this lake, then run again")
}

pub(super) fn no_path(path: &str) -> Error {
    Error::store("not a path in a lake")
        .at("path", path)
        .hint("a manifest or a name in the lake was tampered with; restore it from a backup")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bug: that no more files may be open was taken for a disk that cannot be read, or that is full.
    #[test]
    fn the_remedy_is_for_what_is_wrong() {
        let place = Path::new("lake/users/users.parquet");
        for (number, remedy) in
            [(24, "ulimit -n"), (23, "ulimit -n"), (13, "right to"), (21, "directory"), (5, "disk")]
        {
            let said = cannot_read(place, Cause::from_raw_os_error(number));
            assert!(said.advice().unwrap().contains(remedy), "{number}: {said:?}");
        }
        for (number, remedy) in
            [(24, "ulimit -n"), (28, "make room"), (30, "read-only"), (13, "right to write")]
        {
            let said = cannot_write(place, Cause::from_raw_os_error(number));
            assert!(said.advice().unwrap().contains(remedy), "{number}: {said:?}");
        }
    }
}
