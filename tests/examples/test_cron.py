"""The script for cron prints, and so mails, only what somebody should know."""

import re
import subprocess

from conftest import ROOT

CRON = ROOT / "examples" / "cron"


def nightly(account, *options, **environment):
    command = [CRON / "drift2parquet-nightly", *options]
    return subprocess.run(
        command, env=account.environment(**environment), cwd=account.place, capture_output=True, text=True, timeout=120
    )


def test_success_and_what_passes_by_itself_is_silent(account):
    for options in [["--max-time", "1ms"], []]:
        ended = nightly(account, *options)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", ""), options


def test_a_run_beside_another_is_silent(held):
    ended = nightly(held)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_refused_token_and_missing_rows_are_told(account):
    ended = nightly(account, token="wrong")
    assert ended.returncode == 3 and "a person is needed" in ended.stdout and "hint: " in ended.stdout
    account.spoil_ids()
    ended = nightly(account)
    assert ended.returncode == 7 and "set aside" in ended.stdout, ended.stdout


def test_the_crontab_has_the_form_of_cron_d():
    lines = (CRON / "drift2parquet.cron").read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    (job,) = [line for line in lines if not re.match(r"[A-Z_0-9]+=\S", line)]
    assert re.fullmatch(r"(\d+|\*) (\d+|\*) (\*|\d+) (\*|\d+) (\*|\d+) drift drift2parquet-nightly( .+)?", job)
    assert "%" not in job, "cron would take it for the end of the line"
