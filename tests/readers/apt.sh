#!/usr/bin/env bash
# Installs packages of Debian, as root or by sudo; fails where neither may be.
set -euo pipefail

command -v apt-get >/dev/null
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null
    as_root=(sudo -n)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
