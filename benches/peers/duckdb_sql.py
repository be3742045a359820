"""What the DuckDB peers share: the type of a record, and the query that makes columns of it."""

import os

import duckdb

from columns import FLAG, INT, INTS, NUMBER, TABLES, TEXT, TIME, record

TYPES = {INT: "BIGINT", TEXT: "VARCHAR", TIME: "BIGINT", FLAG: "BOOLEAN", NUMBER: "DOUBLE", INTS: "BIGINT[]"}


def type_of(tree):
    if isinstance(tree, list):
        return type_of(tree[0]) + "[]"
    if isinstance(tree, dict):
        return "STRUCT(" + ", ".join(f'"{name}" {type_of(kind)}' for name, kind in tree.items()) + ")"
    return TYPES[tree]


def columns(table, of=""):
    """The select list; `of` is the struct that holds the record."""
    def place(column):
        path = ".".join(f'"{name}"' for name in (([of] if of else []) + list(column.path)))
        return f"epoch_ms({path})" if column.kind == TIME else path
    return ", ".join(f'{place(column)} AS "{column.name}"' for column in TABLES[table])


def connect():
    connection = duckdb.connect()
    # The order of rows is of no matter here, and DuckDB is faster and smaller when it need not keep it.
    connection.execute(f"SET preserve_insertion_order = false; SET threads = {os.cpu_count()}")
    return connection


def copy(connection, query, path):
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")


def fields(tree):
    return "{" + ", ".join(f"'{name}': '{type_of(kind)}'" for name, kind in tree.items()) + "}"


def record_fields(table):
    return fields(record(table))
