"""Published Delta tables, read by DuckDB and by the Python package `deltalake` into one form: a list of dicts, times
as microseconds, without the partition column, which is compared apart."""

import duckdb
import pyarrow
from deltalake import DeltaTable
from duckdb_extensions import import_extension

import_extension("delta")


def connect():
    connection = duckdb.connect()
    connection.execute("LOAD delta")
    return connection


def by_duckdb(place, table, version=None, connection=None):
    connection = connection or connect()
    at = "" if version is None else f", version = {version}"
    source = f"delta_scan('{place}/{table}'{at})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    times = {name for name, kind, *_ in described if kind == "TIMESTAMP WITH TIME ZONE"}
    chosen = [f'epoch_us("{name}")' if name in times else f'"{name}"' for name, *_ in described]
    rows = connection.execute(f"SELECT {', '.join(chosen)} FROM {source}").fetchall()
    return [dict(zip([name for name, *_ in described], row, strict=True)) for row in rows]


def by_deltalake(place, table, version=None):
    return as_rows(DeltaTable(f"{place}/{table}", version=version).to_pyarrow_table())


def as_rows(read):
    for index, field in enumerate(read.schema):
        if pyarrow.types.is_timestamp(field.type):
            assert (field.type.unit, field.type.tz) == ("us", "UTC")
            read = read.set_column(index, field.name, read.column(index).cast(pyarrow.int64()))
    return read.to_pylist()


READERS = {"delta_scan": by_duckdb, "deltalake": by_deltalake}
