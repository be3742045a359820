"""pyarrow, typed columns, from ready NDJSON, file by file on as many threads as there are cores.
`pyarrow_ndjson.py SET INTO`"""

import glob
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from arrow_types import records, rows, writer
from columns import TABLES, TIME


def place(read, column):
    at = read[column.path[0]]
    if column.path[1:]:
        at = pc.struct_field(at, list(column.path[1:]))
    return at.cast(pa.timestamp("ms", "UTC")) if column.kind == TIME else at


def convert(job):
    table, number, path = job
    parse = pj.ParseOptions(explicit_schema=records(table), unexpected_field_behavior="ignore")
    read = pj.read_json(path, parse_options=parse, read_options=pj.ReadOptions(block_size=4 << 20))
    with writer(f"{into}/{table}-{number}.parquet", table) as out:
        out.write_table(pa.table([place(read, column) for column in TABLES[table]], schema=rows(table)))


source, into = sys.argv[1:]
paths = [(table, path) for table in TABLES for path in sorted(glob.glob(f"{source}/ndjson/{table}-*.ndjson"))]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    list(pool.map(convert, ((table, number, path) for number, (table, path) in enumerate(paths))))
