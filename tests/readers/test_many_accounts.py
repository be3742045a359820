"""Lakes of many accounts below one prefix: loaded by Spark tasks, and read as one dataset by each reader."""

import collections
import os
import sys
from pathlib import Path

import duckdb
import polars
import pytest
import spark
from account import TARGET, TOKEN, Account

EXAMPLES = Path(__file__).parents[2] / "examples" / "many-accounts"
sys.path.insert(0, str(EXAMPLES))

import spark_load  # noqa: E402
import spark_read  # noqa: E402

SEEDS = {"101": 5, "102": 5, "103": 6}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Three accounts, two of them with the same ids, loaded by the Spark example; and one whose token is refused."""
    place = tmp_path_factory.mktemp("many")
    accounts, own = {}, place / "accounts"
    try:
        for org, seed in SEEDS.items():
            (place / org).mkdir()
            accounts[org] = Account(
                place / org, "--conversations", "40", "--months", "3", "--seed", str(seed), "--org-id", org
            )
            configure(own / org, accounts[org].url, TOKEN)
        configure(own / "104", accounts["103"].url, "not-this-one")
        path = os.pathsep.join([str(TARGET), os.environ["PATH"]])
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"ROOT": place / "drift", "ACCOUNTS": own, "PATH": path}.items():
                patch.setenv(name, str(value))
            codes = spark_load.load(spark.session(), [*SEEDS, "104"])
        yield accounts, place / "drift", codes
    finally:
        for account in accounts.values():
            account.stop()


def configure(own, url, token):
    own.mkdir(parents=True)
    (own / "token").write_text(token)
    (own / "drift2parquet.toml").write_text(f'api-url = "{url}"\n')


def test_each_account_has_its_own_exit_code(many):
    _, _, codes = many
    assert codes == {"101": 0, "102": 0, "103": 0, "104": 3}


def stored(many):
    accounts, _, _ = many
    return {org: len(account.truth("messages")) for org, account in accounts.items()}


def test_spark_reads_all_of_them(many):
    _, root, _ = many
    found = collections.Counter()
    for row in spark_read.messages_by_month(spark.session(), root, list(SEEDS)).collect():
        found[row.org] += row.messages
    assert found == stored(many)


def test_spark_leaves_other_accounts_unread(many):
    _, root, _ = many
    one = spark_read.table(spark.session(), root, list(SEEDS), "messages").where("org = '102'")
    plan = one._jdf.queryExecution().executedPlan().toString()
    assert plan.count("FileScan") == 1 and "org=102" in plan, plan


def test_duckdb_reads_all_of_them_by_one_glob(many):
    _, root, _ = many
    source = f"read_parquet('{root}/org=*/messages/**/*.parquet', hive_partitioning = true)"
    found = duckdb.sql(f"SELECT org, count(*) FROM {source} GROUP BY org").fetchall()
    assert {str(org): count for org, count in found} == stored(many)
    plan = duckdb.sql(f"EXPLAIN ANALYZE SELECT id FROM {source} WHERE org = 102 AND id > 0").fetchall()[0][1]
    objects = len(list((root / "org=102" / "messages").rglob("*.parquet")))
    assert f"Scanning Files: {objects}/" in plan and f"Scanning Files: {objects}/{objects} " not in plan, plan


def test_polars_reads_all_of_them_by_one_glob(many):
    _, root, _ = many
    scan = polars.scan_parquet(f"{root}/org=*/messages/**/*.parquet", hive_partitioning=True)
    found = scan.group_by("org").len().collect().rows()
    assert {str(org): count for org, count in found} == stored(many)
    plan = scan.filter(polars.col("org") == 102).explain()
    assert "org=102" in plan and "org=101" not in plan, plan


def test_an_id_of_one_account_is_not_that_of_another(many):
    """Two of the accounts hold the same ids, and no reader takes their rows for doubles."""
    accounts, _, _ = many
    assert accounts["101"].truth("messages") != [] and stored(many)["101"] == stored(many)["102"]
