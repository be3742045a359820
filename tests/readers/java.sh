#!/usr/bin/env bash
# Spark runs on Java 17 or newer; where there is none, Debian's is installed.
set -euo pipefail

version() { java -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p'; }

command -v java >/dev/null && [ "$(version | cut -d. -f1)" -ge 17 ] && exit 0
"$(dirname "$0")/apt.sh" default-jre-headless && exit 0
echo "Spark needs Java 17 or newer; install default-jre-headless, then run this again" >&2
exit 1
