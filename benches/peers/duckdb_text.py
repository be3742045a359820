"""DuckDB, typed columns and the raw text of `context` and `attributes` beside them, as the lake has it, from ready
NDJSON. `duckdb_text.py SET INTO`"""

import sys

from columns import TABLES, record
from duckdb_sql import columns, connect, copy, fields, type_of

source, into = sys.argv[1:]
connection = connect()
for table in TABLES:
    tree = record(table)
    raw = [name for name in ("context", "attributes") if name in tree]
    names = fields({name: kind for name, kind in tree.items() if name not in raw})
    names = names[:-1] + "".join(f", '{name}': 'JSON'" for name in raw) + "}"
    read = f"SELECT * FROM read_ndjson('{source}/ndjson/{table}-*.ndjson', columns = {names})"
    for name in raw:
        # The text is kept, and parsed once for all of its leaves.
        structure = type_of(tree[name])
        read = f"SELECT * RENAME ({name} AS {name}_text), try_cast({name} AS {structure}) AS {name} FROM ({read})"
    text = "".join(f", {name}_text::VARCHAR AS {name}" for name in raw)
    copy(connection, f"SELECT {columns(table)}{text} FROM ({read})", f"{into}/{table}.parquet")
