"""A lake and its publication in a bucket of a real S3 server: DuckDB and `deltalake` read the Delta tables there, and get
what the lake held when each version was made."""

import sys
from pathlib import Path

import pyarrow
import pytest
from account import Account
from delta import as_rows
from delta import connect as connect_to_delta
from deltalake import DeltaTable
from duckdb_extensions import import_extension

sys.path.append(str(Path(__file__).parents[1] / "s3"))
from server import BUCKET, KEY, REGION, SECRET, Server

import_extension("httpfs")

LAKE, PLACE = f"s3://{BUCKET}/lake", f"s3://{BUCKET}/published"
TABLES = ("conversations", "messages", "contacts", "users", "campaigns")
CHANGES = dict(seed=3, new=2, messages=9, edited=3, bumped=2, erased=1, others=6, advance_ms=2 * 3600 * 1000)


class OnS3(Account):
    """An account whose lake is in the bucket."""

    def __init__(self, place, server, *options):
        super().__init__(place, *options)
        self.server, self.lake = server, LAKE

    def environment(self):
        return super().environment() | self.server.environment()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with Server() as server:
        account = OnS3(tmp_path_factory.mktemp("s3"), server, "--conversations", "60", "--months", "3", "--seed", "21")
        connection = connect_to_delta()
        connection.execute("LOAD httpfs")
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', REGION '{REGION}', URL_STYLE 'path', "
            f"USE_SSL false, ENDPOINT '{server.endpoint.removeprefix('http://')}')"
        )
        try:
            yield account, connection
        finally:
            account.stop()


def by_key(rows):
    """Rows in one order, without the partition, which readers type differently."""
    plain = [{name: value for name, value in row.items() if name not in ("month", "bucket")} for row in rows]
    return sorted(plain, key=lambda row: row["id"])


def answer(connection, source):
    """All rows of a source; `arrow` keeps each value as it is."""
    return by_key(as_rows(connection.execute(f"SELECT * FROM {source}").to_arrow_table()))


def in_the_lake(connection, table):
    return answer(connection, f"read_parquet('{LAKE}/{table}/**/*.parquet', hive_partitioning = true)")


def by_deltalake(account, table, version=None):
    options = account.server.environment() | {"AWS_ALLOW_HTTP": "true"}
    delta = DeltaTable(f"{PLACE}/{table}", version=version, storage_options=options)
    return by_key(as_rows(pyarrow.table(delta.to_pyarrow_table())))


def test_each_version_is_what_the_lake_held(bucket):
    account, connection = bucket
    connection.execute("SET TimeZone = 'UTC'")
    held = []
    for round in range(2):
        if round:
            account.mutate(**CHANGES)
        account.sync("--publish-delta", PLACE)
        held.append({table: in_the_lake(connection, table) for table in TABLES})
        for table in TABLES:
            rows = held[round][table]
            assert rows and answer(connection, f"delta_scan('{PLACE}/{table}')") == rows, table
            assert by_deltalake(account, table) == rows, table
    assert held[0]["messages"] != held[1]["messages"]
    assert answer(connection, f"delta_scan('{PLACE}/messages', version = 0)") == held[0]["messages"]
    assert by_deltalake(account, "messages", version=0) == held[0]["messages"]
