"""A lake in a bucket, and how each reader is told where that is."""

import sys
from pathlib import Path

import duckdb
import lake
import pyarrow.fs
from duckdb_extensions import import_extension

sys.path.insert(0, str(Path(__file__).parents[1] / "s3"))

from server import KEY, REGION, SECRET  # noqa: E402

ROOT = "s3://lake/drift"

import_extension("httpfs")


class Bucket:
    """The lake in the bucket of the server at `endpoint`, for DuckDB, Polars and pyarrow."""

    def __init__(self, endpoint):
        self.root, host = ROOT, endpoint.removeprefix("http://")
        self.duckdb = duckdb.connect()
        self.duckdb.execute("LOAD httpfs")
        self.duckdb.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', REGION '{REGION}', ENDPOINT '{host}', "
            "URL_STYLE 'path', USE_SSL false)"
        )
        self.polars = {
            "aws_access_key_id": KEY,
            "aws_secret_access_key": SECRET,
            "aws_region": REGION,
            "aws_endpoint_url": endpoint,
            "aws_allow_http": "true",
        }
        self.pyarrow = pyarrow.fs.S3FileSystem(
            access_key=KEY, secret_key=SECRET, region=REGION, endpoint_override=host, scheme="http"
        )


def by_duckdb(bucket, table):
    return lake.by_duckdb(bucket.root, table, bucket.duckdb)


def by_polars(bucket, table):
    return lake.by_polars(bucket.root, table, storage_options=bucket.polars)


def by_pyarrow(bucket, table):
    return lake.by_pyarrow(ROOT.removeprefix("s3://"), table, filesystem=bucket.pyarrow)


READERS = {"duckdb": by_duckdb, "polars": by_polars, "pyarrow": by_pyarrow}
