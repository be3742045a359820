"""The statements of docs/ddl.md are SQL of their dialects, and declare each table, column and type as the program does."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import sqlglot
import truth
from account import TARGET
from lake import partition_column
from sqlglot import exp
from sqlglot.errors import ErrorLevel

PAGE = Path(__file__).parents[2] / "docs" / "ddl.md"
BLOCKS = dict(zip(("athena", "trino"), re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.S), strict=True))
PLAIN = {"Int64": "BIGINT", "Utf8": "TEXT", "Boolean": "BOOLEAN", "Float64": "DOUBLE", "Timestamp(µs, UTC)": "TIMESTAMP"}


def creations(dialect):
    statements = sqlglot.parse(BLOCKS[dialect], dialect=dialect, error_level=ErrorLevel.RAISE)
    tables = [made for made in statements if isinstance(made, exp.Create) and made.kind == "TABLE"]
    return {made.find(exp.Table).name: made for made in tables}


def declared(table):
    answer = subprocess.run([TARGET / "drift2parquet", "tables", table, "--format", "json"], capture_output=True, check=True)
    [described] = json.loads(answer.stdout)
    return {column["name"]: column["type"].replace(" (JSON)", "") for column in described["columns"]}


def shape(kind):
    """A type without the words of its dialect: a plain one, a list of one, or a record of named ones."""
    if kind.this == exp.DataType.Type.ARRAY:
        return [shape(kind.expressions[0])]
    if kind.this == exp.DataType.Type.STRUCT:
        return {field.name: shape(field.kind) for field in kind.expressions}
    return "TEXT" if kind.this.name == "VARCHAR" else kind.this.name


def wanted(word):
    if word in PLAIN:
        return PLAIN[word]
    outer, inside = re.fullmatch(r"(List|Struct)<(.*)>", word).groups()
    if outer == "List":
        return [wanted(inside)]
    parts, depth = [""], 0
    for letter in inside:
        depth += {"<": 1, ">": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return {name.strip(): wanted(kind) for name, kind in (part.split(": ", 1) for part in parts)}


@pytest.mark.parametrize("dialect", list(BLOCKS))
def test_every_table_is_created_once(dialect):
    assert sorted(creations(dialect)) == sorted(truth.KEYS)


@pytest.mark.parametrize("table", list(truth.KEYS))
@pytest.mark.parametrize("dialect", list(BLOCKS))
def test_columns_and_types_are_the_declared_ones(dialect, table):
    made = creations(dialect)[table]
    found = {column.name: shape(column.kind) for column in made.this.expressions}
    expected = {name: wanted(word) for name, word in declared(table).items()}
    partition = partition_column(table)
    if dialect == "trino" and partition:
        expected[partition] = "TEXT"
    assert found == expected
    if partition:
        assert partition in made.sql(dialect=dialect).split("PARTITIONED", 1)[-1]
