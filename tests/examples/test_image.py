"""The Dockerfile, as far as it can be tried without an engine: its linter is content, and what it copies builds."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT


def test_the_linter_finds_nothing():
    tool = Path(sys.executable).with_name("hadolint")
    said = subprocess.run([tool, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_the_toolchain_is_the_pinned_one_and_nobody_is_root():
    text = (ROOT / "Dockerfile").read_text()
    pinned = (ROOT / "rust-toolchain.toml").read_text().split('channel = "')[1].split('"')[0]
    assert f"FROM rust:{pinned}-" in text
    assert text.count("\nFROM ") == 2 and ":nonroot\n" in text


def test_the_context_is_enough_to_build_and_holds_nothing_else(tmp_path):
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for name in kept:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    said = subprocess.run(
        ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"],
        cwd=tmp_path, capture_output=True, text=True,
    )
    assert said.returncode == 0, said.stderr
    packages = {package["name"]: package for package in json.loads(said.stdout)["packages"]}
    assert any(target["kind"] == ["bin"] for target in packages["drift2parquet"]["targets"])
