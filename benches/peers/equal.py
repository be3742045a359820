"""Whether all peers have written the same cells: counts and hashes of every column, over a normalised read by DuckDB.
`equal.py NAME=FOLDER...` prints one JSON object: what each has, and in which columns it differs from the first."""

import glob
import json
import os
import sys

import duckdb

from columns import FLAG, INT, INTS, NUMBER, TABLES, TEXT, TIME

TYPES = {INT: "BIGINT", TEXT: "VARCHAR", FLAG: "BOOLEAN", NUMBER: "DOUBLE", INTS: "BIGINT[]"}


def files(folder, table):
    """The lake's objects, those of dlt, or those of a peer that writes plain files."""
    for pattern in (f"{folder}/{table}/**/*.parquet", f"{folder}/lake/{table}/*.parquet", f"{folder}/{table}*.parquet"):
        if found := sorted(glob.glob(pattern, recursive=True)):
            return found
    return []


def snake(name):
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def cell(column, types):
    """The column as every reader should see it."""
    name = column.name if column.name in types else "__".join(snake(part) for part in column.path)
    if name not in types and snake(column.path[0]) in types:
        # An object that was left JSON text.
        return f"({snake(column.path[0])}->>'$.{'.'.join(column.path[1:])}')::{TYPES[column.kind]}"
    if name not in types:
        return "NULL"
    if column.kind == TIME:
        # In microseconds, whether it was left an integer of milliseconds or made a time.
        return f'"{name}" * 1000' if types[name] == "BIGINT" else f'epoch_us("{name}"::TIMESTAMPTZ)'
    if column.is_records:
        return records(f'"{name}"', column.kind, types[name])
    if column.kind == INTS and types[name] in ("VARCHAR", "JSON"):
        return f"""from_json("{name}", '["BIGINT"]')"""
    return f'"{name}"::{TYPES[column.kind]}'


def records(name, fields, kind):
    if kind in ("VARCHAR", "JSON"):
        leaves = ", ".join(f"\"{field}\" := (x->>'$.{'.'.join(path)}')::{TYPES[kind]}" for field, path, kind in fields)
        return f"list_transform(from_json({name}, '[\"JSON\"]'), lambda x: struct_pack({leaves}))"
    def place(path):
        # The lake has its own names within records, the peers those of the API.
        parts = [part if f"{part} " in kind or f'"{part}" ' in kind else snake(part) for part in path]
        return "x." + ".".join(f'"{part}"' for part in parts)
    leaves = ", ".join(f'"{field}" := {place(path)}::{TYPES[kind]}' for field, path, kind in fields)
    return f"list_transform({name}, lambda x: struct_pack({leaves}))"


def sums(connection, folder, table):
    found = files(folder, table)
    if not found:
        return {"rows": 0}
    read = f"read_parquet({found}, hive_partitioning = false)"
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
    cells = ", ".join(f'{cell(column, types)} AS "{column.name}"' for column in TABLES[table])
    each = ", ".join(
        f'count("{column.name}"), coalesce(sum(hash(id, "{column.name}"::VARCHAR)::HUGEINT), 0)::VARCHAR'
        for column in TABLES[table]
    )
    row = connection.execute(f"SELECT count(*), {each} FROM (SELECT {cells} FROM {read})").fetchone()
    values = dict(zip((column.name for column in TABLES[table]), zip(row[1::2], row[2::2])))
    return {"rows": row[0], "bytes": sum(map(os.path.getsize, found)), **{name: list(value) for name, value in values.items()}}


def main(names):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    first, outcome = None, {}
    for name in names:
        name, folder = name.split("=", 1)
        mine = {table: sums(connection, folder, table) for table in TABLES}
        first = first or mine
        differ = [
            f"{table}.{column}"
            for table in TABLES
            for column in first[table]
            if column != "bytes" and mine[table].get(column) != first[table][column]
        ]
        rows = {table: mine[table]["rows"] for table in TABLES}
        size = sum(mine[table].get("bytes", 0) for table in TABLES)
        outcome[name] = {"rows": rows, "bytes": size, "differ": differ}
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(sys.argv[1:])
