#!/usr/bin/env bash
# Makes a virtual environment. Debian ships Python without the part that can; then that part is installed,
# or, where this user may not install it, the package that does the same.
set -euo pipefail

place="$1"
python="${PYTHON:-python3}"

make_it() {
    "$python" -m venv "$place" 2>/dev/null && "$place/bin/python" -m pip --version >/dev/null 2>&1
}

install_venv() {
    "$(dirname "$0")/apt.sh" python3-venv
}

virtualenv() {
    "$python" -m pip install --quiet --user virtualenv && "$python" -m virtualenv --quiet "$place"
}

make_it && exit 0
rm -rf "$place"
{ install_venv && make_it; } && exit 0
rm -rf "$place"
virtualenv && exit 0
echo "cannot make a Python environment; install python3-venv, then run this again" >&2
exit 1
