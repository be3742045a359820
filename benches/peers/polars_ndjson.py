"""Polars, typed columns, from ready NDJSON, streamed. `polars_ndjson.py SET INTO`"""

import sys

import polars as pl

from columns import FLAG, INT, INTS, NUMBER, TABLES, TEXT, TIME, record

TYPES = {INT: pl.Int64, TEXT: pl.String, TIME: pl.Int64, FLAG: pl.Boolean, NUMBER: pl.Float64, INTS: pl.List(pl.Int64)}


def type_of(tree):
    if isinstance(tree, list):
        return pl.List(type_of(tree[0]))
    if isinstance(tree, dict):
        return pl.Struct({name: type_of(kind) for name, kind in tree.items()})
    return TYPES[tree]


def place(column):
    at = pl.col(column.path[0])
    for name in column.path[1:]:
        at = at.struct.field(name)
    return (pl.from_epoch(at, "ms") if column.kind == TIME else at).alias(column.name)


source, into = sys.argv[1:]
for table, columns in TABLES.items():
    schema = {name: type_of(kind) for name, kind in record(table).items()}
    rows = pl.scan_ndjson(f"{source}/ndjson/{table}-*.ndjson", schema=schema)
    rows = rows.select(place(column) for column in columns)
    rows.sink_parquet(f"{into}/{table}.parquet", compression="zstd", compression_level=1, maintain_order=False)
