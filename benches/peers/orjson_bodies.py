"""orjson and pyarrow, typed columns, from the bodies of pages: what one writes in Python without a framework.
`orjson_bodies.py SET INTO`"""

import glob
import sys

import orjson
import pyarrow as pa

from arrow_types import column_type, rows, writer
from columns import TABLES, TIME

ROWS = 50_000


def value(record, path):
    for name in path:
        if record is None:
            return None
        record = record.get(name)
    return record


def batch(table, records):
    def array(column):
        values = [value(record, column.path) for record in records]
        kind = column_type(table, column)
        return pa.array(values, pa.int64()).cast(kind) if column.kind == TIME else pa.array(values, kind)
    return pa.record_batch([array(column) for column in TABLES[table]], schema=rows(table))


def records_of(table, body):
    data = orjson.loads(body)["data"]
    if table == "messages":
        return data["messages"]
    return data if isinstance(data, list) else [data]


source, into = sys.argv[1:]
for table in TABLES:
    with writer(f"{into}/{table}.parquet", table) as out:
        held = []
        for path in sorted(glob.glob(f"{source}/bodies/{table}-*.ndjson")):
            with open(path, "rb") as bodies:
                for body in bodies:
                    held.extend(records_of(table, body))
                    if len(held) >= ROWS:
                        out.write_batch(batch(table, held))
                        held = []
        if held:
            out.write_batch(batch(table, held))
