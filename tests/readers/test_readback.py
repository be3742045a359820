"""The lake, read back by DuckDB, Polars, pyarrow and Spark, holds what the account holds: every row, every field.

Three moments: after the first load; after an incremental run over an account that changed; and after a run that
fetched everything again. At each, each reader's rows are compared with the simulator's ground truth.
"""

import datetime
import json
import re
from collections import defaultdict

import pytest
import truth
from account import Account
from lake import READERS, partition_column

FETCHED = list(truth.TABLES)
DAY_MS = 24 * 3600 * 1000
US = 1000


class Moment:
    """What the account held, and what the readers found, at one moment."""

    def __init__(self, account, name, report):
        self.name, self.report = name, report
        listed = [json.loads(text) for text in account.truth("list_rows")]
        self.listed_at = {row["id"]: row["updatedAt"] * US for row in listed}
        self.parents = {
            message: conversation
            for conversation in self.listed_at
            for message in account.messages_of(conversation)
        }
        self.expected = {table: self.rows(account, table) for table in FETCHED}
        self.read = {
            (reader, table): read(account.lake, table)
            for reader, read in READERS.items()
            for table in truth.KEYS
        }
        # Contacts whose conversations were all erased may still be there themselves.
        stored = {row["id"] for row in self.read["duckdb", "contacts"]}
        unnamed = stored - {id for (id,) in self.expected["contacts"]}
        self.answering = {id for id in unnamed if account.answers(f"/contacts/{id}")}

    def rows(self, account, table):
        rows = {}
        for text in account.truth(table):
            row = truth.row(table, text)
            if table == "messages" and row["conversation_id"] is None:
                row["conversation_id"] = self.parents[row["id"]]
            rows[truth.key_of(table, row)] = row
        return rows


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    account = Account(tmp_path_factory.mktemp("account"), "--conversations", "300", "--seed", "11")
    try:
        first = Moment(account, "first load", account.sync())
        account.mutate(
            seed=3, new=12, messages=25, edited=10, bumped=8, erased=4, erased_contacts=2, others=12,
            advance_ms=DAY_MS // 12,
        )  # fmt: skip
        second = Moment(account, "incremental", account.sync())
        third = Moment(account, "all again", account.sync("--full", "--refetch"))
        quiet = account.sync()
        yield first, second, third, quiet
    finally:
        account.stop()


def found(moment, reader, table):
    """The rows that a reader found, by key; a key that stands twice is a failure."""
    rows = {}
    for row in moment.read[reader, table]:
        key = truth.key_of(table, row)
        assert key not in rows, f"{table} holds {key} twice"
        rows[key] = row
    return rows


def shown(row, names):
    """A row as it is compared: `_extra` as a tree with exact numbers."""
    values = {name: row[name] for name in names}
    if values.get("_extra") is not None:
        values["_extra"] = truth.exact(values["_extra"])
    return values


def own_columns(table):
    return [*truth.TABLES[table], "_extra"]


def difference(wanted, got):
    return {name: (wanted[name], got[name]) for name in wanted if wanted[name] != got[name]}


def check(table, key, wanted, got):
    problems = difference(wanted, got)
    text = re.sub(r"(.{200}).{200,}", r"\1…", str(problems))
    assert not problems, f"{table} {key}: (wanted, got) {text}"


both = pytest.mark.parametrize("reader", list(READERS))
every = pytest.mark.parametrize("table", FETCHED)


@both
@pytest.mark.parametrize("table", list(truth.KEYS))
def test_columns_are_the_documented_ones(moments, reader, table):
    partition = partition_column(table)
    documented = truth.columns(table) + ([partition] if partition else [])
    for moment in moments[:3]:
        rows = moment.read[reader, table]
        assert rows, f"{table} is empty"
        assert list(rows[0]) == documented


@both
@every
def test_the_first_load_is_the_account(moments, reader, table):
    exactly(moments[0], moments[0], reader, table)


@both
@every
def test_a_run_that_fetches_all_again_is_the_account(moments, reader, table):
    exactly(moments[2], moments[0], reader, table)


def exactly(moment, before, reader, table):
    """Each record of the account is there and live; whatever else is there is gone from the account, and says so."""
    rows, names = found(moment, reader, table), own_columns(table)
    for key, wanted in moment.expected[table].items():
        assert key in rows, f"{table} lacks {key}"
        check(table, key, wanted, shown(rows[key], names))
        assert rows[key]["_deleted_at"] is None, f"{table} {key} is marked as deleted"
    for key in rows.keys() - moment.expected[table].keys():
        gone(moment, before, table, key, rows[key])


def gone(moment, before, table, key, row):
    known = before.expected[table].get(key)
    if table == "meetings":
        assert known is not None  # Outside the window that Drift shows; it stays as it was.
        return
    if table == "users" and row["_deleted_at"] is None:
        assert known is not None  # No longer listed, yet answers by its id.
        return
    if table == "contacts":
        named = {values["contact_id"] for at in (before, moment) for values in at.expected["conversations"].values()}
        assert key[0] in named, f"nobody names the contact {key}"
        if key[0] in moment.answering:
            assert row["_deleted_at"] is None, f"contact {key} is there but marked as deleted"
            return
    else:
        assert known is not None, f"{table} holds {key}, which never was there"
    assert row["_deleted_at"] is not None, f"{table} {key} is gone but not marked"


@both
def test_an_incremental_run_brings_what_changed(moments, reader):
    """What the list shows as changed is as the account has it; all else is so, or as it was."""
    first, second, _, _ = moments
    changed = {id for id, at in second.listed_at.items() if first.listed_at.get(id) != at}
    assert changed, "the account did not change"
    touched = {
        "conversations": changed,
        "messages": {id for id, parent in second.parents.items() if parent in changed},
    }
    for table, ids in touched.items():
        rows, names = found(second, reader, table), own_columns(table)
        for key, wanted in second.expected[table].items():
            assert key in rows or key[0] not in ids, f"{table} lacks {key}"
            got = shown(rows[key], names)
            if key[0] in ids or difference(first.expected[table].get(key, wanted), got):
                check(table, key, wanted, got)
    for table in ("users", "teams", "playbooks", "landing_pages", "meetings"):
        exactly(second, first, reader, table)


@both
def test_the_ledger_says_what_was_fetched(moments, reader):
    for moment in (moments[0], moments[2]):
        rows = found(moment, reader, "conversations")
        for id, listed_at in moment.listed_at.items():
            row = rows[(id,)]
            assert row["_listed_at"] == listed_at
            assert row["_messages_as_of"] == max(listed_at, row["updated_at"])
            assert row["_walked_at"] is not None and row["_missing"] is None
        newest = defaultdict(int)
        for row in rows.values():
            newest[row["contact_id"]] = max(newest[row["contact_id"]], row["_listed_at"])
        for (id,), row in found(moment, reader, "contacts").items():
            assert row["_as_of"] == newest[id], f"contact {id}"


@both
def test_every_row_says_when_it_was_stored(moments, reader):
    for moment in moments[:3]:
        for table in truth.KEYS:
            assert all(row["_synced_at"] is not None for row in moment.read[reader, table])


@both
def test_rows_lie_in_their_partition(moments, reader):
    for moment in moments[:3]:
        conversations = found(moment, reader, "conversations")
        months = {id: month(row["created_at"]) for (id,), row in conversations.items()}
        for (id,), row in conversations.items():
            assert row["month"] == months[id]
        for table, parent in (("messages", "conversation_id"), ("campaign_members", "conversation_id")):
            assert all(row["month"] == months[row[parent]] for row in moment.read[reader, table])
        # Some readers take `07` for a number.
        assert all(int(row["bucket"]) == row["id"] % 16 for row in moment.read[reader, "contacts"])


def month(us):
    at = datetime.datetime.fromtimestamp(us // 1_000_000, datetime.timezone.utc)
    return f"{at.year:04}-{at.month:02}"


@both
def test_derived_tables_follow_from_the_others(moments, reader):
    for moment in moments[:3]:
        conversations = list(found(moment, reader, "conversations").values())
        for table, rule in (("inboxes", inboxes), ("campaigns", campaigns), ("campaign_members", members)):
            wanted, got = rule(moment, reader, conversations), found(moment, reader, table)
            assert wanted.keys() == got.keys()
            for key, row in wanted.items():
                check(table, key, row, shown(got[key], row))


def seen(conversations):
    return {
        "first_seen": min((row["created_at"] for row in conversations), default=None),
        "last_seen": max((row["updated_at"] for row in conversations), default=None),
        "conversations": len(conversations),
    }


def grouped(conversations, column):
    groups = defaultdict(list)
    for row in conversations:
        if row[column] is not None:
            groups[row[column]].append(row)
    return groups


def inboxes(moment, reader, conversations):
    return {
        (id,): {"id": id, "_deleted_at": None, "_extra": None} | seen(rows)
        for id, rows in grouped(conversations, "inbox_id").items()
    }


def campaigns(moment, reader, conversations):
    playbooks = {row["id"]: row for row in moment.read[reader, "playbooks"]}
    pages = grouped(moment.read[reader, "landing_pages"], "playbook_id")
    named = grouped(conversations, "related_playbook_id")
    rows = {}
    for id in playbooks.keys() | pages.keys() | named.keys():
        playbook, urls = playbooks.get(id, {}), sorted(page["landing_page_url"] for page in pages.get(id, []))
        name = playbook.get("name") or next((page["playbook_name"] for page in pages.get(id, [])), None)
        rows[(id,)] = {
            "id": id,
            "name": name,
            "source": "playbook" if id in playbooks else "landing_page" if id in pages else "conversation",
            "report_type": playbook.get("report_type"),
            "landing_page_urls": urls or None,
            "created_at": playbook.get("created_at"),
            "updated_at": playbook.get("updated_at"),
            "_deleted_at": None,
        } | seen(named.get(id, []))
    return rows


def members(moment, reader, conversations):
    return {
        (row["id"],): {
            "resultid": row["id"],
            "campaign_id": row["related_playbook_id"],
            "conversation_id": row["id"],
            "contact_id": row["contact_id"],
            "status": row["status"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "_deleted_at": row["_deleted_at"],
        }
        for row in conversations
        if row["related_playbook_id"] is not None
    }


@both
def test_the_strange_is_among_it(moments, reader):
    """The comparisons above are worth something only where there is something strange to compare."""
    first = moments[0]
    messages, conversations = first.read[reader, "messages"], first.read[reader, "conversations"]
    bodies = [row["body"] for row in messages if row["body"] is not None]
    assert any(len(body.encode()) >= 1_000_000 for body in bodies), "no body of a megabyte"
    assert any("\0" in body for body in bodies), "no body with a NUL"
    assert any("\u0590" < letter < "\u08ff" for body in bodies for letter in body), "no right-to-left body"
    assert any(ord(letter) > 0xFFFF for body in bodies for letter in body), "no emoji"
    assert any(row["body"] is None for row in messages), "no message without a body"
    assert any(row["contact_id"] > 2**53 and row["contact_id"] % 2 for row in conversations), "no large id"
    assert any(row["participants"] == [] for row in conversations), "no empty list"
    assert any(row["participants"] is None for row in conversations), "no missing list"
    assert any(row["_extra"] is not None for row in messages), "no unknown field"


def test_a_run_over_an_unchanged_account_rewrites_nothing(moments):
    quiet = moments[3]
    written = {name: table["objects_written"] for name, table in quiet["tables"].items() if table["objects_written"]}
    assert written == {} and quiet["outcome"] == "done"


def test_the_reports_add_up(moments):
    for moment in moments[:3]:
        sum_ = moment.report["completeness"]
        assert sum_ and sum_["holds"]
    assert moments[0].report["completeness"]["listed"] == len(moments[0].listed_at)
