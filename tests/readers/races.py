"""Readers in a loop while loads and crashes go on: is each answer right for one version of every object?

The judge knows every version of every object: it looks all the time, reads what was replaced, and takes from the file
system when that was (a rename sets `ctime`). A version that it missed would make an answer wrong, never right. An answer is right when the rows of each object are exactly
those of one version that was in place at some moment of the query, and when no object is missing that was there
throughout. Right answers are counted twice over: all objects as of one instant, or as of several.

    python tests/readers/races.py --loads 200 [--s3]

In a bucket of a real S3 server the judge stands between the program and the server instead, and sees each put: a version
was in place from some moment between its put and the answer to it on.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

import lake as readers
import pyarrow
import pyarrow.parquet
from account import Account

sys.path.insert(0, str(Path(__file__).parents[1] / "s3"))

RACED = ["duckdb", "polars", "pyarrow"]
TABLES = ["messages", "conversations", "contacts"]
# The kernel stamps files by its tick, which is up to 10 ms behind.
SLACK_NS = 20_000_000
PARTITIONS = {"month", "bucket"}
NOWHERE = "__HIVE_DEFAULT_PARTITION__"
FOREVER = 2**63


def digest(rows):
    """One short text for a set of rows."""
    lines = sorted(repr([(name, row[name]) for name in row if name not in PARTITIONS]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def by_object(table, rows):
    """The digest of each object's rows; one partition is one object."""
    column, parts = readers.partition_column(table), defaultdict(list)
    for row in rows:
        value = NOWHERE if row[column] is None else row[column]
        parts[f"{value:02}" if isinstance(value, int) else value].append(row)
    return {value: digest(rows) for value, rows in parts.items()}


def version_of(at):
    return at.st_ino, at.st_ctime_ns


def read_in_a_loop(reader, endpoint, lake, stop, answers):
    """What a person's program does: it asks again and again, from one process that lives on."""
    turn, read = 0, readers.READERS[reader]
    if endpoint:
        import bucket

        lake, read = bucket.Bucket(endpoint), bucket.READERS[reader]
    while not stop.is_set():
        table = TABLES[turn % len(TABLES)]
        turn += 1
        began = time.time_ns()
        try:
            rows, error = read(lake, table), None
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # noqa: BLE001 - Polars panics, which is no Exception; all are counted.
            rows, error = None, f"{type(problem).__name__}: {(str(problem).splitlines() or [''])[0]}"
        ended = time.time_ns()
        answers.put((reader, table, began, ended, rows is not None and by_object(table, rows), error))


class History:
    """Every version of every object, and from when to when it was in place.

    One run may replace an object twice, so a thread looks all the time.
    """

    def __init__(self, lake):
        self.lake, self.versions, self.seen, self.unread = lake, defaultdict(list), {}, []
        self.lock, self.over = threading.Lock(), threading.Event()

    def watch(self):
        while not self.over.wait(0.003):
            self.record()

    def record(self):
        with self.lock:
            for table in TABLES:
                for folder in os.scandir(self.lake / table):
                    self.look(table, f"{folder.path}/{table}.parquet", folder.name.split("=")[1])

    def look(self, table, path, value):
        try:
            if self.seen.get(path) == version_of(os.stat(path)):
                return
            with open(path, "rb") as file:
                at = os.fstat(file.fileno())
                self.seen[path] = version_of(at)
                self.add(self.versions[table, value], file.read(), at.st_ctime_ns)
        except FileNotFoundError:
            return  # The folder is there, the object not yet.

    def add(self, versions, content, since, surely=None):
        """A version that came `since` then at the earliest, and `surely` then; it ends the one before."""
        if versions:
            versions[-1]["until"] = surely or since
        versions.append({"since": since, "surely": surely or since, "until": FOREVER})
        self.unread.append((versions[-1], content))

    def decode(self):
        """Reads what was found since: this takes longer than there is time between two objects."""
        with self.lock:
            unread, self.unread = self.unread, []
        for version, content in unread:
            read = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content)).read()
            version["digest"] = digest(readers.rows_of(read))

    def judge(self, table, began, ended, found):
        """`one instant`, `several`, or what is wrong."""
        latest, earliest = began - SLACK_NS, ended + SLACK_NS
        for (of, value), versions in self.versions.items():
            if of != table:
                continue
            alive = [one for one in versions if one["since"] <= ended + SLACK_NS and one["until"] >= began - SLACK_NS]
            if value not in found:
                if versions[0].get("surely", versions[0]["since"]) < began - SLACK_NS:
                    return f"{table} {value} is missing"
                continue
            matching = [one for one in alive if one["digest"] == found[value]]
            if not matching:
                old = any(one["digest"] == found[value] for one in versions)
                return f"{table} {value} is {'of another time' if old else 'no version that ever was'}"
            latest = max(latest, matching[-1]["since"])
            earliest = min(earliest, matching[0]["until"])
        strange = found.keys() - {value for of, value in self.versions if of == table}
        if strange:
            return f"{table} {sorted(strange)} never was"
        return "one instant" if latest <= earliest + SLACK_NS else "several"


    def moved(self, table, began, ended):
        """Whether an object of the table was replaced, or came, during a query."""
        return any(
            began - SLACK_NS <= version["since"] <= ended + SLACK_NS
            for (of, _), versions in self.versions.items()
            if of == table
            for version in versions
        )


class InDirectory:
    """An account, and its lake in a directory."""

    # What is said besides where a run was killed before: a lock goes with its process, a lease does not.
    beside_a_killed_run = []

    def __init__(self, place, *options):
        self.account = Account(place, *options)
        self.endpoint, self.lake = None, self.account.lake

    def begin(self):
        """Loads for the first time, and begins to look."""
        self.sync()
        history = History(self.lake)
        history.record()
        self.watcher = threading.Thread(target=history.watch, daemon=True)
        self.watcher.start()
        return history

    def end(self, history):
        history.over.set()
        self.watcher.join()

    def command(self):
        return self.account.command("sync", "--lake", self.lake, "--quiet")

    def environment(self):
        return self.account.environment()

    def sync(self):
        ended = subprocess.run([*self.command(), *self.beside_a_killed_run], env=self.environment(), cwd=self.account.place, capture_output=True, timeout=600)
        assert ended.returncode == 0, ended.stderr.decode()

    def stop(self):
        self.account.stop()


class InBucket(InDirectory):
    """An account, and its lake in a bucket, into which the program writes by way of the judge."""

    beside_a_killed_run = ["--takeover"]

    def __init__(self, place, *options):
        super().__init__(place, *options)
        from puts import Puts
        from server import Server

        self.server = Server()
        self.server.start()
        self.endpoint, self.lake, self.puts = self.server.endpoint, "s3://lake/drift", Puts(self.server.endpoint)

    def begin(self):
        history = Seen(None)
        self.puts.start(history.put)
        self.sync()
        return history

    def end(self, history):
        self.puts.stop()

    def environment(self):
        return super().environment() | self.server.environment() | {"AWS_ENDPOINT_URL": self.puts.endpoint}

    def stop(self):
        super().stop()
        self.server.stop()


class Seen(History):
    """The history as the judge sees it who stands in between."""

    def record(self):
        pass

    def put(self, path, content, sent, answered):
        """An object was put by this path of the bucket, and was in place at some moment between the two on."""
        parts = path.split("/")
        if len(parts) == 5 and parts[2] in TABLES:
            with self.lock:
                self.add(self.versions[parts[2], parts[3].split("=")[1]], content, sent, answered)


def load(raced, chance, typical):
    """One load: something happens in the account; perhaps a run is killed; a run ends well. Yields after each run."""
    raced.account.mutate(
        seed=chance.randrange(2**31), new=3, messages=12, edited=4, bumped=3, erased=chance.randrange(2),
        others=2, advance_ms=3 * 3600 * 1000,
    )  # fmt: skip
    if chance.random() < 0.5:
        command = raced.command()
        process = subprocess.Popen(command, env=raced.environment(), cwd=raced.account.place, stderr=subprocess.PIPE)
        time.sleep(chance.uniform(0, 1.2) * typical)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        yield "killed" if process.returncode == -signal.SIGKILL else "ended first"
    began = time.monotonic()
    raced.sync()
    yield time.monotonic() - began


def start(raced):
    context = multiprocessing.get_context("spawn")
    stop, answers = context.Event(), context.Queue()
    processes = [context.Process(target=read_in_a_loop, args=(name, raced.endpoint, raced.lake, stop, answers)) for name in RACED]
    for process in processes:
        process.start()
    return stop, answers, processes


def drain(answers, kept):
    while True:
        try:
            kept.append(answers.get(timeout=0.05))
        except queue.Empty:
            return


def run(raced_in, place, loads, conversations, months=4, seed=1, progress=lambda *_: None):
    """Returns what was counted: loads, kills, and for each reader its answers."""
    chance, counts, kept = random.Random(seed), Counter(), []
    raced = raced_in(place, "--conversations", str(conversations), "--months", str(months), "--seed", str(seed))
    try:
        history = raced.begin()
        stop, answers, processes = start(raced)
        while not all(name in {answer[0] for answer in kept} for name in RACED):
            drain(answers, kept)
        typical = 1.0
        for _ in range(loads):
            for outcome in load(raced, chance, typical):
                history.record()
                history.decode()
                if isinstance(outcome, float):
                    typical = outcome
                else:
                    counts[outcome] += 1
            counts["loads"] += 1
            drain(answers, kept)
            progress(dict(counts), history, kept)
        stop.set()
        while any(process.is_alive() for process in processes):
            drain(answers, kept)
        drain(answers, kept)
        raced.end(history)
        history.decode()
    finally:
        raced.stop()
    return dict(counts) | {"versions": sum(map(len, history.versions.values())), "readers": judged(history, kept)}


def judged(history, kept):
    found = {name: Counter() for name in RACED} | {"examples": defaultdict(list)}
    for reader, table, began, ended, objects, error in kept:
        if error:
            verdict = "error" if history.moved(table, began, ended) else "refused, though nothing was replaced"
        else:
            verdict = history.judge(table, began, ended, objects)
        kind = verdict if verdict in ("one instant", "several", "error") else "wrong"
        found[reader]["answers"] += 1
        found[reader][kind] += 1
        examples = found["examples"][f"{reader}: {kind}"]
        if kind in ("wrong", "error") and len(examples) < 5:
            examples.append(f"{verdict}: {error}" if error else verdict)
    return {name: dict(counts) for name, counts in found.items()}


def show_progress(counts, history, kept):
    if counts["loads"] % 10 == 0:
        print(counts, judged(history, kept), file=sys.stderr, flush=True)


def main():
    options = argparse.ArgumentParser(description="Readers in a loop while loads and crashes go on.")
    options.add_argument("--loads", type=int, default=200)
    options.add_argument("--conversations", type=int, default=600)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--s3", action="store_true", help="in a bucket of a real S3 server instead of a directory")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        raced_in = InBucket if chosen.s3 else InDirectory
        counted = run(raced_in, Path(place), chosen.loads, chosen.conversations, seed=chosen.seed, progress=show_progress)
    print(json.dumps(counted, indent=2))


if __name__ == "__main__":
    main()
