#!/usr/bin/env bash
# The whole way in a minute, with no Drift account: a simulated Drift, a first load, a day of changes, an
# incremental run, and a query over the plain Parquet files. Called by `make demo`, which builds what it needs.
set -euo pipefail

target="${TARGET:-target/release}"
python="${PYTHON:-python3}"
lake="demo-lake"
scratch="$(mktemp -d)"
simulator=""

finish() {
    if [ -n "$simulator" ]; then kill "$simulator" 2>/dev/null && wait "$simulator" 2>/dev/null || true; fi
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '\n== %s\n' "$*"; }

start_simulator() {
    "$target/drift-simulator" --port 0 --port-file "$scratch/port" --conversations 2000 --seed 1 \
        >"$scratch/simulator.log" 2>&1 &
    simulator=$!
    for _ in $(seq 100); do
        if [ -s "$scratch/port" ]; then return 0; fi
        if ! kill -0 "$simulator" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "the simulator did not start:" >&2
    cat "$scratch/simulator.log" >&2
    exit 1
}

# Only a lake of an earlier demo is removed, never a directory that happens to have the same name.
if [ -e "$lake" ]; then
    if [ ! -d "$lake/_manifest" ]; then
        echo "./$lake exists and is no lake of an earlier demo; move it away" >&2
        exit 1
    fi
    rm -rf "$lake"
fi

step "A simulated Drift account with 2,000 conversations"
start_simulator
export DRIFT_API_URL="http://$(cat "$scratch/port")" DRIFT_TOKEN="sim-token" DRIFT2PARQUET_LAKE="$lake"
unset DRIFT_TOKEN_FILE DRIFT_CLIENT_ID DRIFT_CLIENT_SECRET DRIFT_REFRESH_TOKEN
echo "$DRIFT_API_URL"

step "drift2parquet sync (the first load)"
"$target/drift2parquet" sync

step "A day passes: conversations begin, go on, and are erased"
"$python" - "$DRIFT_API_URL" <<'PYTHON'
import sys, urllib.request
changes = "seed=7&new=40&messages=60&edited=10&bumped=20&erased=5&erased_contacts=2&others=6&advance_ms=90000000"
print(urllib.request.urlopen(f"{sys.argv[1]}/_sim/mutate?{changes}", data=b"").read().decode())
PYTHON

step "drift2parquet sync (only what changed)"
"$target/drift2parquet" sync

step "drift2parquet status"
"$target/drift2parquet" status

step "DuckDB over the plain files: messages by month and author"
"$python" - "$lake" <<'PYTHON'
import sys, duckdb
duckdb.sql(f"""
    SELECT month,
           count(*) FILTER (WHERE author_type = 'contact') AS contacts,
           count(*) FILTER (WHERE author_type = 'user' AND author_bot) AS bots,
           count(*) FILTER (WHERE author_type = 'user' AND author_bot IS NOT TRUE) AS agents,
           count(*) FILTER (WHERE author_type IS NULL) AS unknown,
           count(*) AS messages
    FROM read_parquet('{sys.argv[1]}/messages/**/*.parquet', hive_partitioning = true)
    WHERE _deleted_at IS NULL
    GROUP BY month ORDER BY month DESC LIMIT 12
""").show()
PYTHON
echo "The lake is in ./$lake."
