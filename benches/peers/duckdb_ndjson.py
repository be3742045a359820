"""DuckDB, typed columns, from ready NDJSON. `duckdb_ndjson.py SET INTO`"""

import sys

from columns import TABLES
from duckdb_sql import columns, connect, copy, record_fields

source, into = sys.argv[1:]
connection = connect()
for table in TABLES:
    read = f"read_ndjson('{source}/ndjson/{table}-*.ndjson', columns = {record_fields(table)})"
    copy(connection, f"SELECT {columns(table)} FROM {read}", f"{into}/{table}.parquet")
