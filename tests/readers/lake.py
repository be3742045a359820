"""A lake read by a plain glob, by four readers, into one form: a list of dicts, times as microseconds."""

import duckdb
import polars
import pyarrow
import pyarrow.dataset
import spark
from pyspark.sql import functions
from pyspark.sql.types import TimestampType


def partition_column(table):
    return {"contacts": "bucket"}.get(
        table, "month" if table in ("conversations", "messages", "campaign_members") else None
    )


def by_duckdb(lake, table, connection=duckdb):
    source = f"read_parquet('{lake}/{table}/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
    described = connection.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()
    times = {name for name, kind, *_ in described if kind == "TIMESTAMP WITH TIME ZONE"}
    chosen = [f'epoch_us("{name}")' if name in times else f'"{name}"' for name, *_ in described]
    names = [name for name, *_ in described]
    rows = connection.sql(f"SELECT {', '.join(chosen)} FROM {source}").fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def by_polars(lake, table, **options):
    frame = polars.read_parquet(
        f"{lake}/{table}/**/*.parquet", hive_partitioning=True, try_parse_hive_dates=False, **options
    )
    times = [name for name, kind in frame.schema.items() if isinstance(kind, polars.Datetime)]
    assert all(frame.schema[name] == polars.Datetime("us", "UTC") for name in times)
    return frame.with_columns(polars.col(times).to_physical()).to_dicts()


def by_pyarrow(lake, table, filesystem=None):
    column = partition_column(table)
    flavour = pyarrow.dataset.partitioning(
        pyarrow.schema([(column, pyarrow.string())] if column else []), flavor="hive"
    )
    dataset = pyarrow.dataset.dataset(
        f"{lake}/{table}", format="parquet", partitioning=flavour, filesystem=filesystem
    )
    return rows_of(dataset.to_table())


def rows_of(read):
    for index, field in enumerate(read.schema):
        if pyarrow.types.is_timestamp(field.type):
            assert (field.type.unit, field.type.tz) == ("us", "UTC")
            read = read.set_column(index, field.name, read.column(index).cast(pyarrow.int64()))
    return read.to_pylist()


def by_spark(lake, table):
    frame = spark.session().read.parquet(f"{lake}/{table}")
    times = [field.name for field in frame.schema if isinstance(field.dataType, TimestampType)]
    assert not any(field.dataType.typeName() == "timestamp_ntz" for field in frame.schema)
    return frame.withColumns({name: functions.unix_micros(name) for name in times}).toArrow().to_pylist()


READERS = {"duckdb": by_duckdb, "polars": by_polars, "pyarrow": by_pyarrow, "spark": by_spark}
