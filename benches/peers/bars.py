"""Measures the bars that have no peer, on the real binary: memory at every size, use of the rate, calls, runs that find
nothing, nightly deltas, start and size. Writes the raw results for page.py; a bar that is not asked for keeps what was
measured before.

`bars.py --data DIR --bin DIR --results FILE [--only NAME,…] [--conversations N] [--minutes M] [--dist PROGRAM]`"""

import argparse
import datetime
import json
import os
import shutil
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

from measure import measure

# The plain lists, which every run asks whole.
PLAIN = {"users", "teams", "accounts", "playbooks", "landing-pages", "meetings"}
LISTED_A_PAGE = 100


class Drift:
    """A simulated Drift on a loopback port."""

    def __init__(self, options, *arguments):
        self.port_file = Path(options.data) / "port"
        self.port_file.unlink(missing_ok=True)
        command = [f"{options.bin}/drift-simulator", "--port", "0", "--port-file", self.port_file, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not self.port_file.exists():
            if self.process.poll() is not None:
                raise SystemExit("the simulator has ended")
            time.sleep(0.05)
        self.url = "http://" + self.port_file.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, method="GET"):
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method)) as answer:
            return answer.read()

    def stats(self):
        return json.loads(self.ask("/_sim/stats"))

    def pages_of(self, conversation):
        """How many pages of messages a conversation has, by asking for them one after the other."""
        pages, query = 0, ""
        while query is not None:
            request = urllib.request.Request(f"{self.url}/conversations/{conversation}/messages{query}")
            request.add_header("Authorization", "Bearer sim-token")
            with urllib.request.urlopen(request) as answer:
                pagination = json.load(answer).get("pagination") or {}
            pages, more = pages + 1, pagination.get("more") and pagination.get("next")
            query = f"?next={more}" if more else None
        return pages

    def truth(self, table):
        return map(json.loads, self.ask(f"/_sim/truth/{table}.ndjson").splitlines())


def sync(options, drift, lake, *arguments, may_end=(0,)):
    report = f"{options.data}/report.json"
    command = [f"{options.bin}/drift2parquet", "sync", "-q", "--lake", lake, "--api-url", drift.url, "--report", report, *arguments]
    measured = measure(command, env={"DRIFT_TOKEN": "sim-token"}, log=f"{options.data}/log")
    if measured.exit_code not in may_end:
        raise SystemExit(f"sync: exit code {measured.exit_code}\n{measured.out[-4000:]}")
    with open(report) as file:
        return measured, json.load(file)


def fresh(options, name):
    place = f"{options.data}/bars/{name}"
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    return place


def bar(name, how, value, unit, least, aim, at_most=True):
    return {"name": name, "how": how, "value": value, "unit": unit, "least": least, "aim": aim, "at_most": at_most}


def memory(options):
    """Peak memory of `rebuild` at 0.1, 0.5 and 5 GB."""
    peaks = {}
    for megabytes in options.memory_sizes:
        lake = f"{options.data}/dense-{megabytes}/lake"
        if not os.path.isdir(lake):
            place = f"{options.data}/dense-{megabytes}"
            subprocess.run([f"{options.bin}/page-set", "--megabytes", str(megabytes), "--only-lake", place], check=True)
        into = fresh(options, "rebuilt")
        command = [f"{options.bin}/drift2parquet", "rebuild", "-q", "--without-archive", "--format", "json", "--lake", lake, "--into", into]
        measured = measure(command, log=f"{options.data}/log")
        if measured.exit_code != 0:
            raise SystemExit(f"rebuild: exit code {measured.exit_code}\n{measured.out[-4000:]}")
        shutil.rmtree(into)
        peaks[megabytes] = measured
    how = "full pages of " + ", ".join(f"{size / 1000:g} GB: {one.peak_mb:.0f} MB" for size, one in peaks.items())
    yield bar("peak memory of `rebuild`, the largest", how, max(one.peak_mb for one in peaks.values()), "MB", 256, 100)


def rate(options):
    """How much of a bucket of 50 requests a second is used after the first minute, by the wall clock. The pages of the
    list follow one another, so that a slow line alone binds while they are read; the account is small enough for that
    to be over within the first minute, and large enough for the rest to last."""
    arguments = ("--conversations", 20_000, "--rate", 50, "--burst", 50, "--latency-ms", 100)
    with Drift(options, *arguments) as drift:
        lake, seconds = fresh(options, "rate"), options.minutes * 60
        command = [f"{options.bin}/drift2parquet", "sync", "-q", "--lake", lake, "--api-url", drift.url, "--max-time", f"{seconds + 65}s"]
        with open(f"{options.data}/log", "wb") as log:
            process = subprocess.Popen(command, env={**os.environ, "DRIFT_TOKEN": "sim-token"}, stdout=log, stderr=log)
            time.sleep(60)
            first, begin = drift.stats(), time.monotonic()
            time.sleep(seconds)
            last, took = drift.stats(), time.monotonic() - begin
            process.terminate()
            process.wait()
    asked = last["total"] - first["total"]
    refused = last["by_status"].get("429", 0) - first["by_status"].get("429", 0)
    how = f"real binary, 20,000 conversations, loopback, 100 ms latency, {took:.0f} s after the first minute; {asked:,} requests, {refused} answered 429"
    yield bar("share of 50 requests/s that is used", how, 100 * (asked - refused) / took / 50, "%", 97, 99, at_most=False)
    yield bar("share of answers that are 429", how, 100 * refused / max(1, asked), "%", 1, 0.2)


def calls(options):
    """The calls of a full load, over the least that any reader needs."""
    with Drift(options, "--conversations", 2_000, "--record-requests") as drift:
        sync(options, drift, fresh(options, "calls"))
        asked = [line.split(" ", 2)[1:] for line in drift.ask("/_sim/requests").decode().splitlines()]
        there = [(one["id"], one["contactId"]) for one in drift.truth("conversations")]
        pages = sum(drift.pages_of(conversation) for conversation, _ in there)
        listed = len({path for _, path in asked if path.startswith("/conversations/list?")})
    kinds = {"list": -(-len(there) // LISTED_A_PAGE), "details": len(there), "messages": pages}
    kinds["contacts"] = len({contact for _, contact in there})
    others = {call for _, call in asked if not call.startswith(("/conversations/", "/contacts/"))}
    kinds["others"] = len(others) + 1  # With the counts of /conversations/stats.
    least, made = sum(kinds.values()), len(asked)
    how = f"2,000 conversations: {made:,} calls, at least {least:,} (" + ", ".join(f"{name} {count:,}" for name, count in kinds.items()) + f"); {listed} pages of the list"
    yield bar("calls of a full load over the least possible", how, 100 * (made - least) / least, "%", 0.5, 0)


def idle(options):
    """A run that finds nothing new."""
    count = options.conversations
    with Drift(options, "--conversations", count, "--mean-messages", 1) as drift:
        lake = f"{options.data}/bars/idle-{count}"
        if not os.path.exists(f"{lake}/loaded"):
            shutil.rmtree(lake, ignore_errors=True)
            sync(options, drift, lake, may_end=(0, 7))
            Path(f"{lake}/loaded").touch()
        runs = []
        for _ in range(3):
            drift.ask("/_sim/stats/reset", "POST")
            measured, report = sync(options, drift, lake, may_end=(0, 7))
            runs.append((measured, drift.stats()))
    beyond = max(sum(calls for kind, calls in stats["by_endpoint"].items() if kind not in PLAIN) for _, stats in runs)
    how = f"a lake of {count:,} conversations, simulator on loopback, median of {len(runs)}"
    written = sum(table["objects_written"] for table in report["tables"].values())
    how_calls = f"{how}; {runs[-1][1]['by_endpoint']}; {written} objects written".replace("{", "").replace("}", "").replace("'", "")
    yield bar("sync with nothing new: time", how, statistics.median(one.wall_s for one, _ in runs), "s", 3, 1)
    yield bar("sync with nothing new: calls beyond the plain lists", how_calls, beyond, "calls", 10, 10)
    yield bar("sync with nothing new: peak memory", how, max(one.peak_mb for one, _ in runs), "MB", 128, 128)


def delta(options):
    """One percent of a million messages changes overnight."""
    count = options.messages // 6
    with Drift(options, "--conversations", count, "--months", 36) as drift:
        lake, tables = fresh(options, "delta"), ("--tables", "conversations,messages")
        sync(options, drift, lake, *tables, may_end=(0, 7))
        total = json.loads(Path(newest(lake)).read_text())
        messages = total["tables"]["messages"]["rows"]
        drift.ask(f"/_sim/mutate?seed=7&messages={messages // 100}&advance_ms=3600000", "POST")
        before = objects(lake)
        drift.ask("/_sim/stats/reset", "POST")
        measured, report = sync(options, drift, lake, *tables, may_end=(0, 7))
        stats = drift.stats()
    after = objects(lake)
    touched = sum(size for path, (size, sha) in after.items() if before.get(path, (0, ""))[1] != sha)
    written = sum(table["bytes_written"] for table in report["tables"].values())
    puts = sum(table["objects_written"] for table in report["tables"].values())
    changed = sum(1 for path, (_, sha) in after.items() if before.get(path, (0, ""))[1] != sha)
    how = (
        f"{messages:,} messages in 36 months, {messages // 100:,} new ones in as many conversations;"
        f" {changed} of {len(after)} objects touched ({touched / 1e6:.1f} MB), {puts} puts ({written / 1e6:.1f} MB),"
        f" {stats['total']:,} requests, {stats['body_bytes'] / 1e6:.1f} MB over the wire,"
        f" {measured.wall_s:.1f} s, {measured.cpu_s:.1f} s CPU, {measured.peak_mb:.0f} MB"
    )
    yield bar("nightly delta: bytes written over the bytes of the touched objects", how, written / max(1, touched), "×", 3, 1.2)


def newest(lake):
    return max(path for path in Path(lake, "_manifest").glob("0*.json"))


def objects(lake):
    tables = json.loads(newest(lake).read_text())["tables"]
    return {path: (one["bytes"], one["sha256"]) for table in tables.values() for path, one in table["objects"].items()}


def start(options):
    """How long `--version` takes, and how large the program is."""
    program = options.dist or f"{options.bin}/drift2parquet"
    times = sorted(measure([program, "--version"]).wall_s * 1000 for _ in range(200))
    kind = "profile dist" if options.dist else "profile release"
    yield bar("cold start of `--version`", f"{kind}, median of 200, process included; minimum {times[0]:.1f} ms", statistics.median(times), "ms", 10, 5)
    yield bar("size of the binary", kind, os.path.getsize(program) / 1e6, "MB", 40, 25)


ALL = {one.__name__: one for one in (memory, rate, calls, idle, delta, start)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--only", default=",".join(ALL))
    parser.add_argument("--conversations", type=int, default=1_000_000, help="of the lake in which nothing is new")
    parser.add_argument("--messages", type=int, default=1_000_000, help="of the lake that a nightly delta goes into")
    parser.add_argument("--minutes", type=float, default=3, help="for which the use of the rate is watched")
    parser.add_argument("--memory-sizes", type=lambda text: [int(one) for one in text.split(",")], default=[100, 500, 5000])
    parser.add_argument("--dist", help="the program of profile dist")
    options = parser.parse_args()
    options.data, options.bin = os.path.abspath(options.data), os.path.abspath(options.bin)
    results = {"measured": {}}
    if os.path.exists(options.results):
        with open(options.results) as file:
            results = json.load(file)
    for name in options.only.split(","):
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        results["measured"][name] = {"date": date, "bars": list(ALL[name](options))}
        for one in results["measured"][name]["bars"]:
            print(f"{one['name']}: {one['value']:.4g} {one['unit']} ({one['how']})", flush=True)
        with open(options.results, "w") as file:
            json.dump(results, file, indent=1, ensure_ascii=False)
            file.write("\n")


if __name__ == "__main__":
    main()
