"""A lake in a bucket of a real S3 server, at rest: DuckDB, Polars and pyarrow read by plain globs what they read from a
lake in a directory, which test_readback.py holds against the account itself; and they open one month's object alone when
one month is asked for."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import lake
import polars
import pyarrow.dataset
import pyarrow.fs
import pytest
import truth
from account import Account
from bucket import READERS, ROOT, Bucket

sys.path.insert(0, str(Path(__file__).parents[1] / "s3"))

from server import Server  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def both(server, tmp_path_factory):
    """An account, its lake in a directory, and its lake in the bucket, loaded by the real program: at first, and again
    after a change."""
    account = Account(tmp_path_factory.mktemp("s3"), "--conversations", "150", "--months", "5", "--seed", "17")
    try:
        for _ in range(2):
            account.sync()
            load(account, server)
            account.mutate(seed=5, new=6, messages=12, edited=5, erased=2, others=4, advance_ms=7_200_000)
        account.sync()
        load(account, server)
        yield account, Bucket(server.endpoint)
    finally:
        account.stop()


def load(account, server):
    command = account.command("sync", "--lake", ROOT, "--report", "-")
    environment = account.environment() | server.environment()
    ended = subprocess.run(command, env=environment, cwd=account.place, capture_output=True, timeout=600)
    assert ended.returncode == 0, ended.stderr.decode()
    assert json.loads(ended.stdout)["outcome"] == "done"


def sorted_rows(rows, table):
    # When a version was first stored is that of each lake's own runs.
    without = [{name: value for name, value in row.items() if name != "_synced_at"} for row in rows]
    return sorted(without, key=lambda row: repr([row[name] for name in truth.KEYS[table]]))


@pytest.mark.parametrize("table", list(truth.KEYS))
@pytest.mark.parametrize("reader", list(READERS))
def test_every_value_is_that_of_a_lake_in_a_directory(both, reader, table):
    account, bucket = both
    found = sorted_rows(READERS[reader](bucket, table), table)
    wanted = sorted_rows(lake.READERS[reader](account.lake, table), table)
    assert found and len(found) == len(wanted)
    assert found == wanted


def months(account):
    return sorted(path.name.removeprefix("month=") for path in (account.lake / "messages").glob("month=*"))


def pruned_by_duckdb(bucket, month):
    source = f"read_parquet('{bucket.root}/messages/**/*.parquet', hive_partitioning = true)"
    query = f"SELECT id FROM {source} WHERE month = '{month}' AND id > 0"
    plan = bucket.duckdb.execute(f"EXPLAIN ANALYZE {query}").fetchall()[0][1]
    assert re.search(r"Scanning Files: 1/\d+", plan), plan
    return [id for (id,) in bucket.duckdb.execute(query).fetchall()]


def pruned_by_polars(bucket, month):
    scan = polars.scan_parquet(
        f"{bucket.root}/messages/**/*.parquet", hive_partitioning=True, storage_options=bucket.polars
    )
    query = scan.filter(polars.col("month") == month).select("id")
    assert "other sources" not in query.explain(), query.explain()
    return query.collect()["id"].to_list()


def pruned_by_pyarrow(bucket, month):
    dataset = pyarrow.dataset.dataset("lake/drift/messages", filesystem=bucket.pyarrow, partitioning="hive")
    chosen = pyarrow.dataset.field("month") == month
    assert len(list(dataset.get_fragments(filter=chosen))) == 1
    return dataset.to_table(columns=["id"], filter=chosen)["id"].to_pylist()


@pytest.mark.parametrize("pruned", [pruned_by_duckdb, pruned_by_polars, pruned_by_pyarrow])
def test_one_month_is_read_and_no_other(both, pruned):
    account, bucket = both
    month = months(account)[1]
    wanted = pyarrow.dataset.dataset(account.lake / "messages" / f"month={month}").to_table(columns=["id"])
    found = pruned(bucket, month)
    assert len(months(account)) > 3 and found
    assert sorted(found) == sorted(wanted["id"].to_pylist())


def test_the_program_proves_the_bucket(both, server):
    account, _ = both
    command = account.command("verify", "--lake", "s3://lake/drift")
    ended = subprocess.run(command, env=server.environment() | {"PATH": os.environ["PATH"]}, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode() + ended.stdout.decode()
