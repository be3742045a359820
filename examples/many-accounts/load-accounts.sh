#!/usr/bin/env bash
# For Spark's `pipe`: organizations come in on stdin, one a line; for each, its exit code goes out as `ORG CODE`.
# It ends well itself, so that one account that fails does not make Spark run its neighbours again.
set -uo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
while read -r org; do
    "$here/load-account.sh" "$org" </dev/null >&2
    echo "$org $?"
done
