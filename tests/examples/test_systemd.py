"""The units are what systemd itself calls right, and their options are options of the program."""

import configparser
import os
import shutil
import subprocess

import pytest
from conftest import ROOT, TARGET

UNITS = sorted((ROOT / "examples" / "systemd").iterdir())


class Unit(configparser.RawConfigParser):
    optionxform = staticmethod(str)


def read(path):
    unit = Unit(strict=True, delimiters=("=",), comment_prefixes=("#",))
    unit.read(path)
    return unit


def test_there_are_a_service_its_timer_and_one_that_stays():
    assert [path.name for path in UNITS] == [
        "drift2parquet-every.service",
        "drift2parquet.service",
        "drift2parquet.timer",
    ]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here; the others still hold")
def test_systemd_finds_nothing_wrong(tmp_path):
    for path in UNITS:
        text = path.read_text().replace("/usr/local/bin/drift2parquet", str(TARGET / "drift2parquet"))
        (tmp_path / path.name).write_text(text)
    for path in UNITS:
        said = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", tmp_path / path.name], capture_output=True, text=True
        )
        # It ends with 0 although it complains.
        assert (said.returncode, said.stderr) == (0, ""), path.name


@pytest.mark.parametrize("path", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name)
def test_the_command_is_understood_and_the_token_is_a_credential(path, account):
    service = read(path)["Service"]
    assert service["LoadCredential"].startswith("drift-token:/etc/")
    assert service["Environment"] == "DRIFT_TOKEN_FILE=%d/drift-token"
    command = service["ExecStart"].replace("${STATE_DIRECTORY}", str(account.place)).split()[1:]
    # With another account's token, so that it is over at once: refused by Drift, not by its own parser.
    environment = {**os.environ, **account.environment(token="wrong")}
    ended = subprocess.run([TARGET / "drift2parquet", *command], env=environment, capture_output=True, text=True)
    assert ended.returncode == 3, ended.stderr


def test_what_passes_by_itself_is_no_failure_and_what_does_not_is_not_tried_again():
    once, stays = read(UNITS[1])["Service"], read(UNITS[0])["Service"]
    assert once["Type"] == "oneshot" and set(once["SuccessExitStatus"].split()) == {"6", "8"}
    assert stays["SuccessExitStatus"] == "143"
    for service in (once, stays):
        assert set(service["RestartPreventExitStatus"].split()) == {"1", "2", "3"}
    timer = read(UNITS[2])["Timer"]
    assert timer["Persistent"] == "true" and "RandomizedDelaySec" in timer
