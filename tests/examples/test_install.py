"""`make install-built` puts the program, its man pages and its completions where distributions look for them."""

import os
import subprocess

from conftest import ROOT, TARGET

COMMANDS = ["sync", "plan", "status", "verify", "files", "forget", "reset", "tables"]


def test_everything_lies_below_destdir_and_prefix(tmp_path):
    variables = [f"BINARY={TARGET / 'drift2parquet'}", f"DESTDIR={tmp_path}", "PREFIX=/opt/drift"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    subprocess.run(["make", "-s", "install-built", *variables], cwd=ROOT, env=environment, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["opt"]
    root = tmp_path / "opt" / "drift"
    version = subprocess.run([root / "bin" / "drift2parquet", "--version"], capture_output=True, text=True)
    assert version.stdout.startswith("drift2parquet ")
    share = root / "share"
    for page in ["drift2parquet", *(f"drift2parquet-{name}" for name in COMMANDS)]:
        assert ".SH" in (share / "man" / "man1" / f"{page}.1").read_text(), page
    for script in [
        "bash-completion/completions/drift2parquet",
        "zsh/site-functions/_drift2parquet",
        "fish/vendor_completions.d/drift2parquet.fish",
    ]:
        assert "drift2parquet" in (share / script).read_text()
    subprocess.run(["bash", "-n", share / "bash-completion" / "completions" / "drift2parquet"], check=True)
