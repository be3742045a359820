//! The command as people meet it: help, mistakes, and what they cost. Every mistake gives one clear line that
//! says what to do, the documented exit code, and leaves no trace.

use std::fs;
use std::io::Read;
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_drift2parquet");

/// The command in an empty directory, with nothing in its environment that it would listen to.
fn command(place: &TempDir) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(place.path()).env_clear();
    command
}

fn place() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs it, expects this exit code and nothing on stdout, and returns what it said.
fn mistake(arguments: &[&str], environment: &[(&str, &str)], code: i32) -> String {
    let place = place();
    let mut command = command(&place);
    let ended = command.args(arguments).envs(environment.iter().copied()).assert().code(code);
    let output = ended.get_output();
    assert!(output.stdout.is_empty(), "a mistake belongs on stderr: {arguments:?}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{arguments:?} left something behind");
    String::from_utf8(output.stderr.clone()).unwrap()
}

const TOKEN: (&str, &str) = ("DRIFT_TOKEN", "canary");

/// A mistake of usage of `sync`, with a token at hand.
fn refused(arguments: &[&str]) -> String {
    let all: Vec<&str> = ["sync", "--lake", "lake"].into_iter().chain(arguments.iter().copied()).collect();
    let said = mistake(&all, &[TOKEN], 2);
    assert!(said.starts_with("error: "), "{said}");
    assert!(said.contains("hint: ") || said.contains("For more information"), "no advice: {said}");
    assert!(!said.contains("canary"), "the token was printed: {said}");
    said
}

#[test]
fn help_and_version_are_data() {
    let place = place();
    for arguments in [["--help"], ["--version"], ["help"]] {
        let ended = command(&place).args(arguments).assert().success();
        assert!(!ended.get_output().stdout.is_empty() && ended.get_output().stderr.is_empty());
    }
}

#[test]
fn every_command_explains_itself() {
    let place = place();
    for name in ["sync", "plan", "verify", "status", "files", "tables", "completions", "man"] {
        command(&place).args([name, "--help"]).assert().success();
        let page = command(&place).args(["man", name]).assert().success().get_output().stdout.clone();
        assert!(String::from_utf8(page).unwrap().contains(".SH"), "no man page of {name}");
    }
    for shell in ["bash", "zsh", "fish"] {
        command(&place).args(["completions", shell]).assert().success();
    }
}

#[test]
fn a_missing_lake_or_token_is_named() {
    assert!(mistake(&["sync"], &[TOKEN], 2).contains("--lake"));
    let said = mistake(&["sync", "--lake", "lake"], &[], 2);
    assert!(said.contains("DRIFT_TOKEN") && said.contains("hint: "), "{said}");
    assert!(mistake(&["sync", "--lake", "lake"], &[("DRIFT_TOKEN", "  ")], 2).contains("no token"));
    assert!(mistake(&["sync", "--lake", "lake"], &[("DRIFT_TOKEN_FILE", "no")], 2).contains("file: no"));
    let half = mistake(&["sync", "--lake", "lake"], &[("DRIFT_CLIENT_ID", "a")], 2);
    assert!(half.contains("DRIFT_CLIENT_SECRET and DRIFT_REFRESH_TOKEN"), "{half}");
}

#[test]
fn the_token_is_never_an_argument() {
    assert!(refused(&["--token", "x"]).contains("--token"));
}

#[test]
fn unknown_tables_are_answered_with_the_known_ones() {
    let said = refused(&["--tables", "users,mesages"]);
    assert!(said.contains("`mesages`") && said.contains("messages, campaigns"), "{said}");
    assert!(refused(&["--except", "conversations"]).contains("needs it"));
    assert!(refused(&["--tables", "users", "--except", "teams"]).contains("cannot be used with"));
}

#[test]
fn what_is_no_date_is_refused() {
    for date in ["yesterday", "2024-13-01", "2024-1-1", "01.02.2024", "1q", ""] {
        assert!(refused(&["--since", date]).contains("is not a date"), "{date}");
    }
    assert!(refused(&["--since", "2999-01-01"]).contains("future"));
}

#[test]
fn numbers_that_cannot_be_meant_are_refused() {
    for (option, value) in [
        ("--memory", "1MiB"),
        ("--memory", "much"),
        ("--concurrency", "0"),
        ("--max-rate", "0"),
        ("--max-rate", "-1"),
        ("--max-time", "soon"),
        ("--max-time", "0s"),
        ("--max-time", "0ms"),
        ("--every", "often"),
        ("--every", "0s"),
        ("--every", "999ms"),
        ("--every", "2y"),
        ("--full-every", "7"),
        ("--partition-by", "year"),
        ("--report", "no/such/place.json"),
    ] {
        refused(&[&format!("{option}={value}")]);
    }
}

/// Bug: the parser's own words were shown, which say nothing to anybody.
#[test]
fn a_size_that_is_none_is_answered_with_one_that_is() {
    let said = refused(&["--memory=abc"]);
    assert!(said.lines().next().unwrap().ends_with("`abc` is not a size such as 256MiB"), "{said}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["driftapi.com", "ftp://driftapi.com", "https://u:canary@driftapi.com", "https://a.b/?c=d"] {
        assert!(refused(&["--api-url", url]).contains("is not an address"), "{url}");
    }
}

#[test]
fn columns_that_cannot_be_masked_are_told_with_the_reason() {
    for (option, word) in [
        ("--exclude-columns=a.b", "no table `a`"),
        ("--exclude-columns=contacts.mail", "no column `mail`"),
        ("--exclude-columns=contacts.id", "part of the key"),
        ("--hash-columns=messages.buttons", "no plain text"),
        ("--hash-columns=email", "contacts.email"),
    ] {
        assert!(refused(&[option]).contains(word), "{option}");
    }
    let both = refused(&["--exclude-columns=contacts.email", "--hash-columns", "users.email,contacts.email"]);
    assert!(both.contains("`contacts.email` is to be left out and to be hashed"));
}

#[test]
fn the_file_of_options_is_read_checked_and_overruled() {
    let place = place();
    let file = place.path().join("drift2parquet.toml");
    let said = |text: &str, arguments: &[&str]| {
        fs::write(&file, text).unwrap();
        let ended = command(&place).arg("sync").args(arguments).envs([TOKEN]).assert().code(2);
        String::from_utf8(ended.get_output().stderr.clone()).unwrap()
    };
    assert!(said("lake = 'lake'\nsince = 'never'", &[]).contains("`never` is not a date"));
    assert!(said("lake = 'lake'\nsince = 'never'", &["--since=nor"]).contains("`nor` is not a date"));
    assert!(said("lake = 'lake'\nexclude-columns = ['users.id']", &[]).contains("part of the key"));
    let slow = said("lake = 'lake'\n\nmax-rate = 0", &[]);
    assert!(slow.contains("line: 3") && slow.contains("drift2parquet.toml"), "{slow}");
    assert!(!said("lake = 'lake'\n\nmax-rate = 0", &["--max-rate=-1"]).contains("line: 3"));
    assert!(said("lakes = 'lake'", &[]).contains("lakes"));
    assert!(said("lake", &[]).contains("line 1"));
    let secret = said("lake = 'lake'\ntoken = 'geheim'", &[]);
    assert!(secret.contains("DRIFT_TOKEN") && !secret.contains("geheim"), "{secret}");
}

#[test]
fn a_lake_that_is_not_there_is_named() {
    for name in ["status", "files"] {
        let said = mistake(&[name, "--lake", "no-lake"], &[], 2);
        assert!(said.contains("no lake at `no-lake`") && said.contains("hint: "), "{said}");
    }
    assert!(mistake(&["files", "--lake", "no-lake", "--table", "x"], &[], 2).contains("no table `x`"));
    assert!(mistake(&["status", "--lake", "gopher://x"], &[], 2).contains("not supported"));
}

#[test]
fn stderr_can_be_read_by_programs() {
    for arguments in
        [vec!["sync", "--lake", "lake"], vec!["sync", "--lake", "lake", "--bogus"], vec!["bogus"]]
    {
        let all = arguments.iter().copied().chain(["--log-format", "json"]).collect::<Vec<_>>();
        for line in mistake(&all, &[], 2).lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
            assert_eq!((&line["level"], &line["exit_code"]), (&"ERROR".into(), &2.into()));
        }
    }
}

#[test]
fn tables_are_printed_for_people_programs_and_the_docs() {
    let place = place();
    let output = |format: &str| {
        let ended = command(&place).args(["tables", "--format", format]).assert().success();
        String::from_utf8(ended.get_output().stdout.clone()).unwrap()
    };
    assert!(output("text").contains("campaign_members  key resultid"));
    let tables: serde_json::Value = serde_json::from_str(&output("json")).unwrap();
    assert_eq!(tables.as_array().unwrap().len(), 12);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tables.md");
    assert_eq!(output("markdown"), fs::read_to_string(page).unwrap());
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let mut child = Process::new(BINARY)
        .args(["tables", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(said, "");
}
