"""Runs `rebuild` and its peers in interleaved rounds on the same records, each in a process of its own, compares what
they wrote cell by cell, and writes the raw results for page.py.

`run.py --data DIR --bin DIR --results FILE [--rounds N] [--only NAME,…]`"""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from measure import measure

HERE = Path(__file__).resolve().parent
REBUILD = "drift2parquet rebuild"
LARGE, FULL, SMALL, REAL = "dense-500", "full-500", "dense-100", "real-500"

# Name, what it is started with, what it reads. Those that take long run on the small set.
PEERS = [
    ("DuckDB, typed", "duckdb_ndjson.py", "ndjson", (LARGE, FULL, REAL)),
    ("DuckDB, typed, with raw text", "duckdb_text.py", "ndjson", (LARGE, FULL)),
    ("Polars, typed", "polars_ndjson.py", "ndjson", (LARGE, FULL, REAL)),
    ("pyarrow, typed", "pyarrow_ndjson.py", "ndjson", (LARGE, FULL, REAL)),
    ("arrow-json + ArrowWriter", "arrow-json-peer", "bodies", (LARGE, FULL, REAL)),
    ("DuckDB, typed, from bodies", "duckdb_bodies.py", "bodies", (SMALL,)),
    ("orjson + pyarrow", "orjson_bodies.py", "bodies", (SMALL,)),
    ("dlt", "dlt_bodies.py", "bodies", (SMALL,)),
]


def command(options, name, program, source, into):
    if name == REBUILD:
        return [f"{options.bin}/drift2parquet", "rebuild", "-q", "--without-archive", "--format", "json", "--lake", f"{source}/lake", "--into", into]
    if program.endswith(".py"):
        return [sys.executable, str(HERE / program), source, into]
    return [f"{options.bin}/{program}", f"{source}/bodies", into]


def run(options, data, contenders, rounds):
    source = f"{options.data}/{data}"
    figures, places = {name: [] for name, *_ in contenders}, {}
    for number in range(rounds):
        # Another one begins each round, so that none always follows the same one.
        turn = number % len(contenders)
        for name, program, _ in contenders[turn:] + contenders[:turn]:
            into = f"{options.data}/out/{data}/{program}"
            shutil.rmtree(into, ignore_errors=True)
            os.makedirs(into if name != REBUILD else os.path.dirname(into), exist_ok=True)
            os.sync()
            measured = measure(command(options, name, program, source, into), log=f"{options.data}/out/log")
            if measured.exit_code != 0:
                raise SystemExit(f"{name} on {data}: exit code {measured.exit_code}\n{measured.out[-4000:]}")
            figures[name].append(measured.figures())
            places[name] = into
            print(f"{data} round {number + 1}: {name}: {measured.wall_s:.2f} s wall, {measured.cpu_s:.2f} s CPU, {measured.peak_mb:.0f} MB", flush=True)
    return figures, places


def equal(options, places):
    arguments = [f"{name}={folder}" for name, folder in places.items()]
    done = subprocess.run([sys.executable, str(HERE / "equal.py"), *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def machine():
    with open("/proc/cpuinfo") as file:
        model = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) / 1024 / 1024
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions(options):
    out = subprocess.run([f"{options.bin}/drift2parquet", "--version"], capture_output=True, text=True, check=True).stdout
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    packages = {name: version(name) for name in ("duckdb", "polars", "pyarrow", "orjson", "dlt")}
    return {"drift2parquet": f"{out.split()[-1]} ({commit})", "python": platform.python_version(), **packages}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--rounds", type=int, default=5, help="on the large sets; the others have fewer")
    parser.add_argument("--sets", default=",".join((LARGE, FULL, SMALL, REAL)))
    options = parser.parse_args()
    options.data, options.bin = os.path.abspath(options.data), os.path.abspath(options.bin)
    results = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(options),
        "sets": {},
    }
    for data in options.sets.split(","):
        rounds = options.rounds if data in (LARGE, FULL) else max(1, min(3, options.rounds))
        contenders = [(REBUILD, "rebuild", "archive")]
        contenders += [(name, program, form) for name, program, form, sets in PEERS if data in sets]
        figures, places = run(options, data, contenders, rounds)
        with open(f"{options.data}/{data}/about.json") as file:
            about = json.load(file)
        forms = {name: form for name, _, form in contenders}
        results["sets"][data] = {"about": about, "forms": forms, "figures": figures, "cells": equal(options, places)}
        with open(options.results, "w") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    shutil.rmtree(f"{options.data}/out", ignore_errors=True)
    differ = {name: cell["differ"] for one in results["sets"].values() for name, cell in one["cells"].items() if cell["differ"]}
    if differ:
        raise SystemExit(f"these have other cells: {differ}")


if __name__ == "__main__":
    main()
