"""The snippets of docs/reading.md run as they stand there, one after the other, on a real lake."""

import re
from pathlib import Path

import duckdb
import pytest
import spark

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
BLOCKS = re.findall(r"```(sql|python)\n(.*?)```", PAGE.read_text(), re.S)


def test_the_page_has_snippets_for_each_reader():
    text = "".join(code for _, code in BLOCKS)
    assert all(word in text for word in ("read_parquet('lake", "spark.read", "pl.scan_parquet", "pd.read_parquet"))


def test_every_snippet_runs(account):
    # Spark stands where it was started, so `lake` is named in full here.
    spark.session()
    names = {}
    for language, code in BLOCKS:
        code = code.replace("lake/", f"{account.lake}/")
        if language == "sql":
            duckdb.sql(code).fetchall()
        else:
            exec(code, names)
    assert names["messages"].shape[0] > 0 and names["recent"].collect().height > 0


@pytest.mark.parametrize("word", re.findall(r"`(read_parquet\('drift/[^`]*|scan_parquet\(\"drift/[^`]*)`", PAGE.read_text()))
def test_globs_over_many_accounts_are_those_that_are_tested(word):
    tested = Path(__file__).with_name("test_many_accounts.py").read_text()
    assert "org=*/messages/**/*.parquet" in word and "org=*/messages/**/*.parquet" in tested
