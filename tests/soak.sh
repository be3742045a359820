#!/usr/bin/env bash
# The soak: each seeded suite many times over, in an optimised build that keeps every check. A failing seed does
# not end it: all are told at the end, each with the command that plays it again. What a piece has counted goes
# to docs/soak.json once it passed, and from there to docs/reliability.md.
#
#   tests/soak.sh all | scripts | histories | kills | records | writers | fuzzed
#
# FUZZ_SECONDS (3600) is how long each fuzz target runs beside `all`.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
logs=${TARGET:-target}/soak-logs
mkdir -p "$logs"
logs=$(cd "$logs" && pwd)
pieces=(scripts kills records histories writers)

# The settings of a piece, and which tests it is.
settings() {
	case $1 in
	scripts) echo D2P_SCRIPTS=20000 ;;
	kills) echo D2P_KILLS=2000 D2P_PHASES=1 ;;
	records) echo D2P_RECORDS=1000000 ;;
	histories) echo D2P_HISTORIES=25000 D2P_PHASES=1 ;;
	writers) echo D2P_WRITERS=5000 ;;
	*) return 1 ;;
	esac
}

tests() {
	case $1 in
	scripts) echo 'test(/^faults::scripts::/)' ;;
	kills) echo 'test(/^kill::sigkill::/)' ;;
	records) echo 'test(/^faults::records::/)' ;;
	histories) echo 'test(/^crash::/)' ;;
	writers) echo 'test(/^writers::/)' ;;
	esac
}

# One piece; its output is shown, kept, and searched for failing seeds.
piece() {
	local name=$1 counts=$logs/$1.ndjson log=$logs/$1.log began=$SECONDS
	rm -f "$counts"
	# shellcheck disable=SC2046 # the settings are words
	if ! env $(settings "$name") D2P_COUNTS="$counts" RUST_BACKTRACE=0 "$cargo" nextest run --cargo-profile soak \
		--locked --package drift2parquet --test it --no-fail-fast -E "$(tests "$name")" 2>&1 | tee "$log"; then
		return 1
	fi
	write_down "$counts" $((SECONDS - began))
}

# What a file of counts says, into docs/soak.json.
write_down() {
	D2P_COUNTS=$1 D2P_SECONDS=$2 D2P_DATE=$(date -u +%F) D2P_COMMIT=$(git rev-parse --short HEAD) \
		"$cargo" test --profile soak --quiet --locked --package drift2parquet --test it -- \
		--ignored --exact reliability::the_soak_is_written_down
}

# How many inputs the fuzz targets were given, by their own word.
fuzzed() {
	local counts=$logs/fuzz.ndjson target inputs
	for target in $(make --no-print-directory fuzz-targets); do
		inputs=$(grep -aoE 'stat::number_of_executed_units: *[0-9]+' "$logs/fuzz-$target.log" | grep -oE '[0-9]+$')
		echo "{\"suite\":\"fuzz functions\",\"counts\":{\"executions\":$inputs}}"
	done >"$counts"
	write_down "$counts" "${FUZZ_SECONDS:-3600}"
}

# All pieces, the fuzz targets beside them; what failed is told at the end.
all() {
	local failed=() fuzz=() target
	# Once, before the targets run: each of them would build the same.
	nice -n 10 make fuzz-build
	# The targets run at the same time, and give way to the suites where cores are few.
	for target in $(make --no-print-directory fuzz-targets); do
		nice -n 10 make fuzz "FUZZ_TARGETS=$target" "FUZZ_SECONDS=${FUZZ_SECONDS:-3600}" >"$logs/fuzz-$target.log" 2>&1 &
		fuzz+=("$target:$!")
	done
	for name in "${pieces[@]}"; do
		piece "$name" || failed+=("$name")
	done
	echo "the pieces took $((SECONDS / 60)) minutes; waiting for the fuzz targets"
	for target in "${fuzz[@]}"; do
		wait "${target#*:}" || failed+=("fuzz-${target%:*}")
	done
	case " ${failed[*]} " in
	*" fuzz-"*) ;;
	*) fuzzed || failed+=(fuzzed) ;;
	esac
	for name in "${failed[@]}"; do
		echo "failed: $name, see $logs/$name.log"
		grep -hoE '`D2P_SEED=[0-9]+ [^`]*`' "$logs/$name.log" | sort -u || true
	done
	[ ${#failed[@]} -eq 0 ]
}

case ${1:-} in
all) all ;;
fuzzed) fuzzed ;;
*) if settings "${1:-}" >/dev/null; then piece "$1"; else sed -n 's/^#   //p' "$0" >&2 && exit 2; fi ;;
esac
