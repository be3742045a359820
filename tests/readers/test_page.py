"""The snippets of docs/reading.md run as they stand there, one after the other, on a real lake."""

import re
from pathlib import Path

import duckdb
import lake
import pyarrow
import pytest
import spark
import truth

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
BLOCKS = re.findall(r"```(sql|python)\n(.*?)```", PAGE.read_text(), re.S)


def test_the_page_has_snippets_for_each_reader():
    text = "".join(code for _, code in BLOCKS)
    assert all(word in text for word in ("read_parquet('lake", "spark.read", "pl.scan_parquet", "pd.read_parquet"))


@pytest.fixture(scope="module")
def names(account):
    """What the snippets leave behind."""
    # Spark stands where it was started, so `lake` is named in full here.
    spark.session()
    names = {}
    for language, code in BLOCKS:
        code = code.replace("lake/", f"{account.lake}/")
        if language == "sql":
            duckdb.sql(code).fetchall()
        else:
            exec(code, names)
    return names


def test_every_snippet_runs(names):
    assert names["messages"].shape[0] > 0 and names["recent"].collect().height > 0


@pytest.mark.parametrize("table", list(truth.KEYS))
def test_a_table_of_iceberg_holds_what_the_lake_holds(account, names, table):
    for _ in range(2):
        made = names["as_iceberg"](table)
    read = made.scan().to_arrow()
    found, wanted = lake.rows_of(read), lake.by_pyarrow(account.lake, table)
    # pyiceberg itself shows no list of records as an empty one.
    records = [field.name for field in read.schema if pyarrow.types.is_nested(field.type)]
    records = [name for name in records if pyarrow.types.is_struct(read.schema.field(name).type.value_type)]
    for row in wanted:
        row.pop(lake.partition_column(table), None)
        row |= {name: row[name] or [] for name in records}

    def by_key(row):
        return repr([row[name] for name in truth.KEYS[table]])

    assert found and sorted(found, key=by_key) == sorted(wanted, key=by_key)


@pytest.mark.parametrize("word", re.findall(r"`(read_parquet\('drift/[^`]*|scan_parquet\(\"drift/[^`]*)`", PAGE.read_text()))
def test_globs_over_many_accounts_are_those_that_are_tested(word):
    tested = Path(__file__).with_name("test_many_accounts.py").read_text()
    assert "org=*/messages/**/*.parquet" in word and "org=*/messages/**/*.parquet" in tested
