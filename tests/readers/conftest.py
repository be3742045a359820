"""One small account and its lake at rest, for the tests that only read; and which tests run one after the other.

`make readers` runs them in two processes. What shares a fixture stays in one of them, so that no lake is loaded twice
and one Spark is started; the two long tests of test_delta.py, which share nothing, need not wait for each other."""

import pytest
from account import Account

WITH_SPARK = {"test_at_rest", "test_many_accounts", "test_page", "test_readback"}
ALONE = {
    "test_every_answer_is_one_version_while_loads_go_on_and_are_killed",
    "test_our_own_checkpoints_are_read_by_others",
}


def pytest_collection_modifyitems(items):
    for item in items:
        module = item.module.__name__
        alone = module == "test_delta" and item.name in ALONE
        name = item.name if alone else "spark" if module in WITH_SPARK else "s3" if "on_s3" in module else module
        item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def account(tmp_path_factory):
    account = Account(tmp_path_factory.mktemp("rest"), "--conversations", "120", "--months", "5", "--seed", "7")
    try:
        account.sync()
        yield account
    finally:
        account.stop()
