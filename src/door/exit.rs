//! Exit codes as a type: what each one means, and what to do about it. `docs/exit-codes.md` is written
//! from here.

use std::fmt::Write as _;
use std::process::ExitCode;

use drift2parquet::error::Error;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done,
    /// A bug.
    Internal,
    /// Arguments, options, or a lake that does not fit.
    Usage,
    /// The token or a right was refused.
    Refused,
    /// Drift did not answer usably.
    Unavailable,
    /// The store failed, or the lake is broken.
    Store,
    /// Another run holds the lake.
    Held,
    /// Done, but some rows are pending, were set aside, or may be lacking.
    Incomplete,
    /// `--max-time` was reached.
    OutOfTime,
    /// Ctrl-C.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

/// All of them, in the order of their codes.
const ALL: &[Exit] = &[
    Exit::Done,
    Exit::Internal,
    Exit::Usage,
    Exit::Refused,
    Exit::Unavailable,
    Exit::Store,
    Exit::Held,
    Exit::Incomplete,
    Exit::OutOfTime,
    Exit::Interrupted,
    Exit::Terminated,
];

impl Exit {
    /// The code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unavailable => 4,
            Self::Store => 5,
            Self::Held => 6,
            Self::Incomplete => 7,
            Self::OutOfTime => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The end with this code; an unknown code is a bug.
    pub fn from_code(code: u8) -> Self {
        ALL.iter().copied().find(|exit| exit.code() == code).unwrap_or(Self::Internal)
    }

    /// The end that an error brings.
    pub fn of(error: &Error) -> Self {
        Self::from_code(error.kind().exit_code())
    }

    /// Whether a run that ends so ends `--every` too: what only a person can mend does, while what time mends is
    /// tried again.
    pub fn ends_the_schedule(self) -> bool {
        !matches!(self, Self::Done | Self::Unavailable | Self::Held | Self::Incomplete | Self::OutOfTime)
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "Done: everything that was asked for is in the lake.",
            Self::Internal => "A bug in drift2parquet.",
            Self::Usage => {
                "Arguments, options or the token are missing or wrong, the address is not Drift's, or the lake belongs to another account or to a newer version."
            }
            Self::Refused => "Drift refused the token, or the token lacks a right.",
            Self::Unavailable => {
                "Drift did not answer usably after all retries, a certificate or a proxy keeps it from being reached, or so much vanished at once that it is not believed."
            }
            Self::Store => "The lake's store failed (rights, space, disk), or the lake is broken.",
            Self::Held => "Another run holds the lake, or has overtaken this one.",
            Self::Incomplete => {
                "Done, but not complete: rows are pending or were set aside, or an object was changed by another hand and may lack some of them; the report names them."
            }
            Self::OutOfTime => "`--max-time` was reached; what was fetched is committed.",
            Self::Interrupted => {
                "Interrupted by Ctrl-C; what was fetched is committed, what a `rebuild` has made is removed."
            }
            Self::Terminated => {
                "Ended by SIGTERM; what was fetched is committed, what a `rebuild` has made is removed."
            }
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Done => "Nothing.",
            Self::Internal => "Report it. The lake is as good as after the last commit.",
            Self::Usage => "Read the line after `hint:`; nothing was changed.",
            Self::Refused => "Renew the token, or give it the right that is named.",
            Self::Unavailable => {
                "Read the line after `hint:`, or run again later; a run goes on where the last one stopped."
            }
            Self::Store => "Mend the store, then run again; `drift2parquet verify` names what is broken.",
            Self::Held => "Wait for the other run, or see to it that only one runs at a time.",
            Self::Incomplete => {
                "Run again: what is pending is tried first, and Drift is asked again for what another hand has changed. `--allow-incomplete` turns this code into 0."
            }
            Self::OutOfTime => "Run again: it goes on from there.",
            Self::Interrupted | Self::Terminated => {
                "Run again: it goes on from there; a `rebuild` begins anew."
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The page about all exit codes.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Exit codes\n\n<!-- Generated by `make docs` from `src/door/exit.rs`; do not edit. -->\n\n\
         Every command ends with one of these. Whatever the code, the lake is valid: each object is one\n\
         complete version, and each key stands once in its table.\n\n\
         Under `sync --every` some codes of a run end the whole, which then has this code itself; after the\n\
         others the next run tries again.\n\n\
         | code | meaning | what to do | under `--every` |\n|---:|---|---|---|\n",
    );
    for exit in ALL {
        let then = if exit.ends_the_schedule() { "ends" } else { "goes on" };
        let _ = writeln!(page, "| {} | {} | {} | {then} |", exit.code(), exit.meaning(), exit.remedy());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_once_and_are_found_again() {
        for exit in ALL {
            assert_eq!(Exit::from_code(exit.code()), *exit);
        }
        assert_eq!(Exit::from_code(99), Exit::Internal);
        assert_eq!(Exit::of(&Error::held("x")), Exit::Held);
    }
}
