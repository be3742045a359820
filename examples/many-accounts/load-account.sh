#!/usr/bin/env bash
# Loads one account of many, each into its own lake below one prefix: ROOT/org=ORG. Whatever starts it (Kubernetes,
# Airflow, Spark) may start it twice: a lake has one writer, and the second ends with exit code 6.
#
#   load-account.sh ORG
#
#   ROOT        where the lakes lie: a directory, or s3://bucket/prefix
#   ACCOUNTS    a directory with ORG/token, and, if an account wants options of its own, ORG/drift2parquet.toml
#
# Exit codes are those of drift2parquet.
set -euo pipefail

org="${1:?give the Drift organization}"
own="${ACCOUNTS:?}/$org"
options=()
if [ -f "$own/drift2parquet.toml" ]; then options+=(--config "$own/drift2parquet.toml"); fi

export DRIFT_TOKEN_FILE="$own/token"
exec drift2parquet sync --lake "${ROOT:?}/org=$org" --log-format json "${options[@]}"
