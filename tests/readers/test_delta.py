"""What is published as Delta tables is what the lake holds, at each version, to DuckDB and to `deltalake`; and while
loads and publications go on and are killed, every answer is one version of the whole table."""

import random
import re
import subprocess
import threading
import time
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import truth
from account import TOKEN, TARGET, Account
from delta import READERS, by_deltalake, connect
from deltalake import DeltaTable
from lake import by_pyarrow, partition_column

HOUR_MS = 3600 * 1000
CHANGES = dict(seed=3, new=2, messages=9, edited=3, bumped=2, erased=1, others=6, advance_ms=2 * HOUR_MS)


def plain(rows, table):
    """Rows as they are compared, by key: partitions as text without leading zeros."""
    partition = partition_column(table)
    compared = {}
    for row in rows:
        if partition and row[partition] is not None:
            row = row | {partition: str(row[partition]).lstrip("0") or "0"}
        key = truth.key_of(table, row)
        assert key not in compared, f"{table} holds {key} twice"
        compared[key] = {name: as_pairs(value) for name, value in row.items()}
    return compared


def as_pairs(value):
    """Readers differ in whether an empty record is a dict or none; lists and records are compared as they are."""
    return [as_pairs(one) for one in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    account = Account(tmp_path_factory.mktemp("delta"), "--conversations", "200", "--seed", "12")
    place, moments = account.place / "published", []
    try:
        for round in range(3):
            if round:
                account.mutate(**CHANGES | {"seed": round})
            account.sync("--publish-delta", place)
            rows = {table: plain(by_pyarrow(account.lake, table), table) for table in truth.KEYS}
            versions = {table: DeltaTable(f"{place}/{table}").version() for table in truth.KEYS}
            moments.append((rows, versions))
        yield account, place, moments
    finally:
        account.stop()


@pytest.mark.parametrize("reader", list(READERS))
@pytest.mark.parametrize("table", list(truth.KEYS))
def test_the_newest_version_is_the_lake(published, reader, table):
    _, place, moments = published
    read = plain(READERS[reader](place, table), table)
    assert read and read == moments[-1][0][table]


@pytest.mark.parametrize("reader", list(READERS))
def test_earlier_versions_are_the_lake_as_it_was(published, reader):
    _, place, moments = published
    for rows, versions in moments:
        for table in ("messages", "conversations", "contacts", "users"):
            assert plain(READERS[reader](place, table, versions[table]), table) == rows[table], (table, versions)
    assert moments[0][1]["messages"] < moments[2][1]["messages"], "nothing was published anew"


def test_the_snippets_of_the_page_run_as_they_stand(published, monkeypatch):
    account, _, _ = published
    monkeypatch.chdir(account.place)
    page = (Path(__file__).parents[2] / "docs" / "delta.md").read_text()
    [sql] = re.findall(r"```sql\n(.*?)```", page, re.S)
    statements = [text for text in sql.replace("INSTALL delta;", "").split(";") if text.strip()]
    connection = connect()
    months, [(first,)] = [connection.execute(text).fetchall() for text in statements][1:]
    assert len(months) > 1 and first > 0
    [python] = [text for text in re.findall(r"```python\n(.*?)```", page, re.S) if "deltalake" in text]
    found = {}
    exec(python, found)
    assert found["now"].num_rows > found["before"].num_rows == first


def test_columns_have_their_types_and_sentences(published):
    _, place, _ = published
    for table in truth.KEYS:
        delta = DeltaTable(f"{place}/{table}")
        fields = {field.name: field for field in delta.schema().fields}
        partition = partition_column(table)
        assert list(fields) == truth.columns(table) + ([partition] if partition else [])
        assert all(field.metadata["comment"].endswith(".") for field in fields.values())
        assert delta.metadata().partition_columns == ([partition] if partition else [])
    kinds = {field.name: field.type.type for field in DeltaTable(f"{place}/contacts").schema().fields if field.name in ("id", "bucket")}
    assert kinds == {"id": "long", "bucket": "integer"}


def test_readers_pass_over_files_by_partition_and_by_bounds(published):
    _, place, _ = published
    delta = DeltaTable(f"{place}/messages")
    actions = pyarrow.table(delta.get_add_actions(flatten=True)).to_pylist()
    months = {action["partition.month"] for action in actions}
    assert len(months) == len(actions) > 1
    assert sum(action["num_records"] for action in actions) == len(by_deltalake(place, "messages"))
    month = sorted(months)[0]
    some = delta.to_pyarrow_table(filters=[("month", "=", month)])
    assert some.num_rows == next(action["num_records"] for action in actions if action["partition.month"] == month)
    greatest = max(action["max.id"] for action in actions)
    plan = connect().execute(
        f"EXPLAIN ANALYZE SELECT count(*) FROM delta_scan('{place}/messages') WHERE id = {greatest}"
    ).fetchall()
    assert f"Scanning Files: 1/{len(actions)}" in plan[0][1], plan[0][1]


def test_the_transaction_names_the_manifest(published):
    account, place, _ = published
    log = sorted((place / "messages" / "_delta_log").glob("*.json"))[-1].read_text()
    app = log.split('"appId":"')[1].split('"')[0]
    newest = max(int(path.stem) for path in (account.lake / "_manifest").glob("0*.json"))
    assert DeltaTable(f"{place}/messages").transaction_version(app) == newest


def test_a_checkpoint_of_another_program_is_gone_on_from(published):
    account, place, _ = published
    before = DeltaTable(f"{place}/messages").version()
    for table in truth.KEYS:
        DeltaTable(f"{place}/{table}").create_checkpoint()
    account.mutate(**CHANGES | {"seed": 9})
    account.sync("--publish-delta", place)
    assert DeltaTable(f"{place}/messages").version() == before + 1
    for table in truth.KEYS:
        wanted = plain(by_pyarrow(account.lake, table), table)
        for reader, read in READERS.items():
            assert plain(read(place, table), table) == wanted, (reader, table)


def test_our_own_checkpoints_are_read_by_others(tmp_path):
    account = Account(tmp_path, "--conversations", "40", "--seed", "13")
    place = tmp_path / "published"
    try:
        for round in range(13):
            account.mutate(**CHANGES | {"seed": round})
            account.sync("--publish-delta", place, "--retain", "0s")
        log = place / "messages" / "_delta_log"
        # Nothing before the newest checkpoint is left, so that it must be read.
        assert len(list(log.glob("*.json"))) == 1 and len(list(log.glob("*.checkpoint.parquet"))) == 1
        assert DeltaTable(f"{place}/messages").version() == 12
        for table in truth.KEYS:
            wanted = plain(by_pyarrow(account.lake, table), table)
            for reader, read in READERS.items():
                assert plain(read(place, table), table) == wanted, (reader, table)
    finally:
        account.stop()


ANSWER = "SELECT count(*), sum(id), sum(epoch_us(_synced_at)) FROM "
ROUNDS = 24


def answer_of(read):
    ids, synced = read.column("id").to_pylist(), read.column("_synced_at").cast(pyarrow.int64()).to_pylist()
    return len(ids), sum(ids), sum(synced)


class Reader(threading.Thread):
    """Asks again and again, until it is told to stop."""

    def __init__(self, place, read):
        super().__init__(daemon=True)
        self.place, self.read, self.over = place, read, threading.Event()
        self.answers, self.errors = [], []

    def run(self):
        while not self.over.is_set():
            for table in ("messages", "conversations"):
                try:
                    self.answers.append((table, self.read(self.place, table)))
                except Exception as error:
                    self.errors.append(str(error))


def test_every_answer_is_one_version_while_loads_go_on_and_are_killed(tmp_path):
    account = Account(tmp_path, "--conversations", "150", "--seed", "14")
    place, chance = tmp_path / "published", random.Random(14)
    connection = connect()

    def delta_scan(place, table):
        return connection.cursor().execute(f"{ANSWER} delta_scan('{place}/{table}')").fetchone()

    def deltalake(place, table, version=None):
        delta = DeltaTable(f"{place}/{table}", version=version)
        return answer_of(delta.to_pyarrow_table(columns=["id", "_synced_at"]))

    readers = {}
    kills = 0
    ended = set()
    try:
        account.sync("--publish-delta", place)
        readers = {"delta_scan": Reader(place, delta_scan), "deltalake": Reader(place, deltalake)}
        for reader in readers.values():
            reader.start()
        for round in range(ROUNDS):
            account.mutate(**CHANGES | {"seed": round})
            if chance.random() < 0.5:
                kills += killed(account, place, chance)
            else:
                account.sync("--publish-delta", place)
                ended.update(
                    (table, answer_of(pyarrow.parquet.read_table(account.lake / table, columns=["id", "_synced_at"])))
                    for table in ("messages", "conversations")
                )
        account.sync("--publish-delta", place)
    finally:
        for reader in readers.values():
            reader.over.set()
        for reader in readers.values():
            reader.join()
        account.stop()
    versions = {
        (table, deltalake(place, table, version))
        for table in ("messages", "conversations")
        for version in range(DeltaTable(f"{place}/{table}").version() + 1)
    }
    assert ended <= versions, "a version is not what the lake held"
    for name, reader in readers.items():
        wrong = [answer for answer in reader.answers if answer not in versions]
        seen = len(set(reader.answers))
        print(f"{name}: {len(reader.answers)} answers of {seen} versions, {len(wrong)} wrong, {len(reader.errors)} errors, {kills} kills")
        assert not wrong and not reader.errors, (name, wrong[:3], reader.errors[:3])
        # How many there are depends on the machine; that they were given while versions changed does not.
        assert seen > 5, (name, len(reader.answers), seen)
    assert kills > 3


def killed(account, place, chance):
    """A sync that publishes and is killed somewhere; whether it was alive when the moment came."""
    command = [TARGET / "drift2parquet", "sync", "--lake", account.lake, "--publish-delta", place]
    environment = {"DRIFT_TOKEN": TOKEN, "DRIFT_API_URL": account.url}
    process = subprocess.Popen(command, env=environment, cwd=account.place, stderr=subprocess.DEVNULL)
    time.sleep(chance.uniform(0.05, 1.2))
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive
