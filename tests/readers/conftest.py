"""One small account and its lake at rest, for the tests that only read."""

import pytest
from account import Account


@pytest.fixture(scope="session")
def account(tmp_path_factory):
    account = Account(tmp_path_factory.mktemp("rest"), "--conversations", "120", "--months", "5", "--seed", "7")
    try:
        account.sync()
        yield account
    finally:
        account.stop()
