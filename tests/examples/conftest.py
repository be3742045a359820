"""The examples are run against the same simulated account as the readers' tests."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "readers"))

from account import TARGET, TOKEN, Account  # noqa: E402


class Served(Account):
    """An account, and the environment in which a scheduler would start the program."""

    def environment(self, token=TOKEN):
        token_file = self.place / "token"
        token_file.write_text(token + "\n")
        return {
            "PATH": f"{TARGET}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.place),
            "DRIFT_API_URL": self.url,
            "DRIFT_TOKEN_FILE": str(token_file),
            "DRIFT2PARQUET_LAKE": str(self.lake),
        }

    def spoil_ids(self):
        """Some records of users get keys that cannot be used, which a run sets aside: code 7."""
        self.script("flip users id float-for-id every=3")

    def script(self, faults):
        import urllib.request

        urllib.request.urlopen(f"{self.url}/_sim/faults", data=faults.encode()).read()


@pytest.fixture
def account(tmp_path):
    account = Served(tmp_path, "--conversations", "12", "--seed", "5")
    try:
        yield account
    finally:
        account.stop()


@pytest.fixture
def held(account):
    """The lake is held, as by another run."""
    import fcntl

    account.sync()
    with open(account.lake / "_lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield account
