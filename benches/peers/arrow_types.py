"""What the pyarrow peers share: the types of records and columns."""

import pyarrow as pa
import pyarrow.parquet as pq

from columns import FLAG, INT, INTS, NUMBER, TABLES, TEXT, TIME, record

TYPES = {INT: pa.int64(), TEXT: pa.string(), TIME: pa.int64(), FLAG: pa.bool_(), NUMBER: pa.float64(), INTS: pa.list_(pa.int64())}


def type_of(tree):
    if isinstance(tree, list):
        return pa.list_(type_of(tree[0]))
    if isinstance(tree, dict):
        return pa.struct([pa.field(name, type_of(kind)) for name, kind in tree.items()])
    return TYPES[tree]


def records(table):
    """The schema of records as they stand in JSON."""
    return pa.schema([pa.field(name, type_of(kind)) for name, kind in record(table).items()])


def column_type(table, column):
    kind = record(table)
    for name in column.path:
        kind = kind[name]
    return pa.timestamp("ms", "UTC") if column.kind == TIME else type_of(kind)


def rows(table):
    """The schema that is written."""
    return pa.schema([pa.field(column.name, column_type(table, column)) for column in TABLES[table]])


def writer(path, table):
    return pq.ParquetWriter(path, rows(table), compression="zstd", compression_level=1)
