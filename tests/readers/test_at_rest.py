"""A lake at rest: types as declared, partitions and row groups passed over, and views that work from anywhere."""

import json
import re
import shutil
import subprocess

import duckdb
import polars
import pyarrow.dataset
import pyarrow.parquet
import pytest
import spark
import truth
from account import TARGET
from lake import partition_column


def declared(table):
    """The declared columns and their types, in the words of docs/tables.md."""
    answer = subprocess.run([TARGET / "drift2parquet", "tables", table, "--format", "json"], capture_output=True)
    assert answer.returncode == 0, answer.stderr
    [described] = json.loads(answer.stdout)
    return {column["name"]: column["type"] for column in described["columns"]}


class Types:
    """How a reader writes the declared types."""

    def __init__(self, int_, text, flag, number, time, listed, field, record):
        self.plain = {"Int64": int_, "Utf8": text, "Boolean": flag, "Float64": number, "Timestamp(µs, UTC)": time}
        self.listed, self.field, self.record = listed, field, record

    def of(self, word):
        word = word.replace(" (JSON)", "")
        if word in self.plain:
            return self.plain[word]
        outer, inside = re.fullmatch(r"(List|Struct)<(.*)>", word).groups()
        if outer == "List":
            return self.listed.format(self.of(inside))
        pairs = [field.split(": ", 1) for field in fields(inside)]
        return self.record.format(", ".join(self.field.format(name, self.of(kind)) for name, kind in pairs))


def fields(text):
    """The fields of a struct: commas within one that is nested do not count."""
    parts, depth = [""], 0
    for letter in text:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def by_duckdb(lake, table):
    described = duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{lake}/{table}/**/*.parquet')").fetchall()
    return {name: kind.replace('"', "") for name, kind, *_ in described}


def by_polars(lake, table):
    schema = polars.scan_parquet(f"{lake}/{table}/**/*.parquet").collect_schema()
    return {name: str(kind).replace("'", "") for name, kind in schema.items()}


def by_pyarrow(lake, table):
    schema = pyarrow.dataset.dataset(f"{lake}/{table}", partitioning="hive").schema
    return {field.name: re.sub(r"list<\w+: ", "list<", str(field.type)) for field in schema}


def by_spark(lake, table):
    schema = spark.session().read.parquet(f"{lake}/{table}").schema
    return {field.name: field.dataType.simpleString().replace(",", ", ") for field in schema}


SCHEMAS = {
    "duckdb": (
        by_duckdb,
        Types("BIGINT", "VARCHAR", "BOOLEAN", "DOUBLE", "TIMESTAMP WITH TIME ZONE", "{}[]", "{} {}", "STRUCT({})"),
    ),
    "polars": (
        by_polars,
        Types(
            "Int64", "String", "Boolean", "Float64", "Datetime(time_unit=us, time_zone=UTC)", "List({})", "{}: {}",
            "Struct({{{}}})",
        ),
    ),
    "pyarrow": (
        by_pyarrow,
        Types("int64", "string", "bool", "double", "timestamp[us, tz=UTC]", "list<{}>", "{}: {}", "struct<{}>"),
    ),
    "spark": (
        by_spark,
        Types("bigint", "string", "boolean", "double", "timestamp", "array<{}>", "{}:{}", "struct<{}>"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("reader", list(SCHEMAS))
@pytest.mark.parametrize("table", list(truth.KEYS))
def test_each_column_has_its_declared_type(account, reader, table):
    read, types = SCHEMAS[reader]
    found, partition = read(account.lake, table), partition_column(table)
    wanted = {name: types.of(word) for name, word in declared(table).items()}
    assert {name: kind for name, kind in found.items() if name != partition} == wanted


@pytest.fixture(scope="module")
def damaged(account, tmp_path_factory):
    """A copy of the lake in which only the first object of `messages`, whose schema is read, and the last one are whole."""
    lake = tmp_path_factory.mktemp("damaged")
    shutil.copytree(account.lake / "messages", lake / "messages")
    objects = sorted((lake / "messages").glob("*/*.parquet"))
    assert len(objects) > 3
    for path in objects[1:-1]:
        path.write_bytes(b"\0" * path.stat().st_size)
    return lake, objects[-1].parent.name.removeprefix("month=")


def pruned_by_duckdb(lake, month):
    source = f"read_parquet('{lake}/messages/**/*.parquet', hive_partitioning = true)"
    query = f"SELECT id FROM {source} WHERE month = '{month}' AND id > 0"
    plan = duckdb.sql(f"EXPLAIN ANALYZE {query}").fetchall()[0][1]
    assert re.search(r"Scanning Files: 1/\d+", plan), plan
    return [id for (id,) in duckdb.sql(query).fetchall()]


def pruned_by_polars(lake, month):
    scan = polars.scan_parquet(f"{lake}/messages/**/*.parquet", hive_partitioning=True)
    query = scan.filter(polars.col("month") == month).select("id")
    assert "other sources" not in query.explain(), query.explain()
    return query.collect()["id"].to_list()


def pruned_by_pyarrow(lake, month):
    dataset = pyarrow.dataset.dataset(f"{lake}/messages", partitioning="hive")
    chosen = pyarrow.dataset.field("month") == month
    assert len(list(dataset.get_fragments(filter=chosen))) == 1
    return dataset.to_table(columns=["id"], filter=chosen)["id"].to_pylist()


def pruned_by_spark(lake, month):
    frame = spark.session().read.parquet(f"{lake}/messages").where(f"month = '{month}' AND id > 0").select("id")
    plan = frame._jdf.queryExecution().executedPlan().toString()
    assert re.search(rf"PartitionFilters: \[[^\]]*month#\d+ = {month}", plan), plan
    assert "PushedFilters: [IsNotNull(id), GreaterThan(id,0)]" in plan, plan
    return [row.id for row in frame.collect()]


PRUNED = [pruned_by_duckdb, pruned_by_polars, pruned_by_pyarrow, pruned_by_spark]


@pytest.mark.parametrize("read", PRUNED)
def test_one_month_is_read_and_no_other(account, damaged, read):
    """The plan says so, and the other months are no Parquet at all: to read one of them would be an error."""
    lake, month = damaged
    whole = pyarrow.parquet.read_table(account.lake / "messages" / f"month={month}" / "messages.parquet", columns=["id"])
    assert sorted(read(lake, month)) == sorted(whole["id"].to_pylist()) != []


def test_each_row_group_says_what_it_spans(account):
    """So that readers pass over row groups: by key, and by the times that people ask for."""
    for table, columns in {"messages": ["id", "created_at"], "conversations": ["id", "created_at", "updated_at"]}.items():
        for path in (account.lake / table).glob("*/*.parquet"):
            about = pyarrow.parquet.ParquetFile(path).metadata
            names = [about.schema.column(index).path for index in range(about.num_columns)]
            for group in range(about.num_row_groups):
                for column in columns:
                    spanned = about.row_group(group).column(names.index(column)).statistics
                    assert spanned and spanned.has_min_max, f"{path} row group {group} says nothing of {column}"


@pytest.fixture(scope="module", params=["plain", "it's [1] {a,b} *?`", "*/a*"])
def placed(request, account, tmp_path_factory):
    """A lake in a folder of any name, filled from there by a relative path."""
    place = tmp_path_factory.mktemp("placed") / request.param
    place.mkdir(parents=True)
    account.sync_to("lake", cwd=place)
    return place / "lake"


def current(lake, table):
    """The rows that a view must show, read object by object, since some of these names are globs."""
    shown = 0
    for path in (lake / table).rglob("*.parquet"):
        shown += pyarrow.parquet.ParquetFile(path).read(["_deleted_at"])["_deleted_at"].null_count
    return shown


def test_views_work_in_duckdb_from_anywhere(placed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        connection.execute((placed / "views.sql").read_text())
        for table in truth.KEYS:
            [(count,)] = connection.sql(f"SELECT count(*) FROM {table}").fetchall()
            assert count == current(placed, table), table
        [(months,)] = connection.sql("SELECT count(DISTINCT month) FROM messages").fetchall()
        assert months > 1


def test_views_work_in_spark_from_anywhere(placed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for_spark = (placed / "views.sql").read_text().split("/* Spark SQL\n")[1].removesuffix("*/\n")
    for statement in filter(str.strip, for_spark.split(";\n")):
        spark.session().sql(statement)
    for table in ("conversations", "messages", "users"):
        assert spark.session().sql(f"SELECT count(*) FROM {table}").first()[0] == current(placed, table), table
