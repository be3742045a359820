"""DuckDB, typed columns, from the bodies of pages. `duckdb_bodies.py SET INTO`"""

import glob
import sys

from columns import record
from duckdb_sql import columns, connect, copy, type_of

source, into = sys.argv[1:]
connection = connect()


def convert(table, envelope, rows):
    read = f"read_ndjson('{source}/bodies/{table}-*.ndjson', columns = {{'data': '{envelope}'}})"
    copy(connection, f"SELECT {columns(table, 'r')} FROM (SELECT {rows} AS r FROM {read})", f"{into}/{table}.parquet")


with open(sorted(glob.glob(f"{source}/bodies/conversations-*.ndjson"))[0], "rb") as first:
    many = first.read(9) == b'{"data":['
conversation, message = type_of(record("conversations")), type_of(record("messages"))
convert("conversations", conversation + ("[]" if many else ""), "unnest(data)" if many else "data")
convert("messages", f"STRUCT(messages {message}[])", "unnest(data.messages)")
