# One target for each thing one does here. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
PYTHON ?= python3
VENV ?= .venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
FUZZ := RUSTUP_TOOLCHAIN=nightly cargo fuzz
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= envelope decoder manifest data_file
FUZZ_CORPUS := tests/fuzz/corpus
# Many suites wait more than they compute: for sockets, for processes, for the disk.
TEST_THREADS ?= $(shell expr 2 \* $$(nproc))
# What the suites count, for docs/reliability.md.
COUNTS = $(abspath $(TARGET))/counts.ndjson
# The programs as the tests build them: asked for alone, their dependencies would be built a second time, since other
# features of them are wanted then.
BUILD := $(CARGO) test --workspace --no-run --locked --quiet
READERS := tests/readers/requirements.txt
S3 := tests/s3/requirements.txt
EXAMPLES := tests/examples/requirements.txt
MATURIN := maturin==1.16.0
PIPX := pipx==1.18.4
# Where `make install` puts things, and the program that it takes them from.
PREFIX ?= /usr/local
BINARY ?= $(TARGET)/release/drift2parquet
SHARE = $(DESTDIR)$(PREFIX)/share
LOADS ?= 200
# Where the pages of the benchmarks lie, and how often the peers run over the large set of them.
BENCH_DATA ?= $(TARGET)/bench-data
ROUNDS ?= 5
RELEASE := $(CARGO) build --release --workspace --bins --locked

.PHONY: help demo test check unit counted reliability soak soak-scripts soak-histories soak-kills soak-records \
	soak-writers fuzz fuzz-build fuzz-targets readers races races-s3 spark-s3 s3 s3-server shipping examples wheel \
	install install-built doctest bench bench-data bench-peers bench-bars instructions instructions-compared docs \
	install-tools clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST)

demo: $(VENV)/demo.ready ## Build, run against a simulated Drift, change the account, run again, query with DuckDB
	$(RELEASE)
	TARGET="$(TARGET)/release" PYTHON="$(VENV)/bin/python" examples/demo.sh

test: check unit doctest instructions-compared readers shipping ## Everything, installing what it needs by itself

check: ## Format, lints, documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --quiet
	$(PYTHON) benches/peers/page.py --check
	@if command -v cargo-deny >/dev/null; then $(CARGO) deny --offline check licenses bans sources; fi

unit: counted ## Unit and integration tests, and whether docs/reliability.md says what they counted
	D2P_COUNTS=$(COUNTS) $(CARGO) test --workspace --quiet --locked --test it -- --ignored --exact reliability::the_page_says_what_was_counted

reliability: export D2P_WRITE = 1
reliability: counted ## Run the tests and write docs/reliability.md from what they counted
	D2P_COUNTS=$(COUNTS) $(CARGO) test --workspace --quiet --locked --test it -- --ignored --exact reliability::the_page_says_what_was_counted

counted: install-tools s3-server
	@rm -f $(COUNTS); mkdir -p $(dir $(COUNTS))
	@export D2P_COUNTS=$(COUNTS) D2P_PYTHON=$(abspath $(VENV))/bin/python; \
	if command -v cargo-nextest >/dev/null; then $(CARGO) nextest run --workspace --locked --test-threads $(TEST_THREADS); \
	else $(CARGO) test --workspace --lib --bins --tests --locked; fi

fuzz-targets:
	@echo $(FUZZ_TARGETS)

soak: ## Every seeded suite many times over, in an optimised build, and an hour of fuzzing beside it
	CARGO="$(CARGO)" TARGET="$(TARGET)" tests/soak.sh all

soak-scripts soak-histories soak-kills soak-records soak-writers: soak-%: ## One piece of the soak
	CARGO="$(CARGO)" TARGET="$(TARGET)" tests/soak.sh $*

doctest: ## Examples in the documentation
	$(CARGO) test --workspace --doc --locked --quiet

readers: $(VENV)/readers.ready s3-server ## DuckDB, Polars, pyarrow and Spark read what the real binary wrote
	$(BUILD)
	TARGET="$(TARGET)/debug" $(VENV)/bin/python -m pytest -q tests/readers

shipping: $(VENV)/examples.ready ## The examples for cron, systemd and Kubernetes, the Dockerfile, and `make install`
	$(BUILD)
	TARGET="$(TARGET)/debug" $(VENV)/bin/python -m pytest -q --ignore tests/examples/orchestrators tests/examples

examples: $(VENV)-airflow/ready $(VENV)-dagster/ready ## The examples for Airflow and Dagster, by their own libraries
	$(BUILD)
	for name in airflow dagster; do \
		AIRFLOW_HOME="$(abspath $(VENV)-airflow)/home" TARGET="$(TARGET)/debug" $(VENV)-$$name/bin/python \
			-m pytest -q tests/examples/orchestrators/test_$$name.py; \
	done

wheel: | $(VENV)/bin/python ## A Python wheel that carries the program, in target/wheels, and pipx runs it; takes 20 minutes
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(MATURIN) $(PIPX)
	rm -rf $(TARGET)/wheels
	PATH="$(abspath $(VENV))/bin:$$PATH" maturin build --out $(TARGET)/wheels --interpreter $(VENV)/bin/python
	PIPX_HOME="$(abspath $(VENV))/pipx" $(VENV)/bin/python -m pipx run --no-cache --spec $(TARGET)/wheels/*.whl \
		drift2parquet --version

install: ## The program, its man pages and completions, below PREFIX (/usr/local), staged in DESTDIR if that is given
	$(CARGO) build --release --locked --bin drift2parquet
	$(MAKE) --no-print-directory install-built BINARY="$(TARGET)/release/drift2parquet"

install-built:
	install -Dm755 "$(BINARY)" "$(DESTDIR)$(PREFIX)/bin/drift2parquet"
	install -d "$(SHARE)/man/man1" "$(SHARE)/bash-completion/completions" "$(SHARE)/zsh/site-functions" \
		"$(SHARE)/fish/vendor_completions.d"
	"$(BINARY)" man >"$(SHARE)/man/man1/drift2parquet.1"
	for name in $$(sed -n 's/^## drift2parquet //p' docs/cli.md); do \
		"$(BINARY)" man $$name >"$(SHARE)/man/man1/drift2parquet-$$name.1"; \
	done
	"$(BINARY)" completions bash >"$(SHARE)/bash-completion/completions/drift2parquet"
	"$(BINARY)" completions zsh >"$(SHARE)/zsh/site-functions/_drift2parquet"
	"$(BINARY)" completions fish >"$(SHARE)/fish/vendor_completions.d/drift2parquet.fish"

races: $(VENV)/readers.ready ## DuckDB, Polars and pyarrow read in a loop during LOADS (200) loads, half of them killed and run again
	$(BUILD)
	TARGET="$(TARGET)/debug" $(VENV)/bin/python tests/readers/races.py --loads $(LOADS)

races-s3: $(VENV)/readers.ready s3-server ## The same races on a lake in a bucket of a real S3 server
	$(BUILD)
	TARGET="$(TARGET)/debug" $(VENV)/bin/python tests/readers/races.py --s3 --loads $(LOADS)

spark-s3: ## Spark reads a lake over s3a from a SeaweedFS of this machine; downloads some 700 MB at first
	$(BUILD)
	TARGET="$(TARGET)/debug" tests/readers/spark_s3.sh

s3-server: $(VENV)/s3.ready ## SeaweedFS, the S3 server that the tests start by themselves

s3: install-tools s3-server ## Only the tests on a real S3 server: loads, crashes, two writers, harmed requests
	D2P_PYTHON=$(abspath $(VENV))/bin/python $(CARGO) nextest run --workspace --locked --no-fail-fast \
		--test-threads $(TEST_THREADS) -E 'test(/^s3::/)'

bench: ## Decode, encode, fold, rebuild and sync by themselves (criterion)
	$(CARGO) bench --workspace --benches --locked

bench-data: ## The pages that the benchmarks read, some 4 GB in BENCH_DATA (target/bench-data)
	$(RELEASE)
	for set in dense-500 full-500 dense-100 real-500; do \
		[ -e "$(BENCH_DATA)/$$set/about.json" ] || "$(TARGET)/release/page-set" --shape "$${set%-*}" \
			--megabytes "$${set#*-}" "$(BENCH_DATA)/$$set"; \
	done

bench-peers: $(VENV)-peers/ready bench-data ## rebuild and its peers in ROUNDS (5) interleaved rounds; writes docs/benchmarks.md
	$(CARGO) build --profile dist --workspace --bins --locked
	$(VENV)-peers/bin/python benches/peers/run.py --data "$(BENCH_DATA)" --bin "$(TARGET)/dist" \
		--results benches/peers/peers.json --rounds $(ROUNDS)
	$(PYTHON) benches/peers/page.py

bench-bars: bench-data ## What has no peer: memory, use of the rate, calls, idle runs, deltas, start; writes docs/benchmarks.md
	$(CARGO) build --profile dist --workspace --bins --locked
	$(PYTHON) benches/peers/bars.py --data "$(BENCH_DATA)" --bin "$(TARGET)/release" --results benches/peers/bars.json \
		--dist "$(TARGET)/dist/drift2parquet"
	$(PYTHON) benches/peers/page.py

instructions: $(VENV)/valgrind.ready ## Record how many instructions a rebuild of a fixed archive takes, see docs/performance.md
	$(BUILD)
	$(PYTHON) tests/instructions/count.py "$(TARGET)/debug/drift2parquet" --record

instructions-compared: $(VENV)/valgrind.ready
	$(BUILD)
	$(PYTHON) tests/instructions/count.py "$(TARGET)/debug/drift2parquet"

fuzz: fuzz-build ## Each fuzz target for FUZZ_SECONDS (60): needs a nightly toolchain, installs cargo-fuzz
	set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p $(FUZZ_CORPUS)/$$target; \
		FUZZ_SEEDS=$(FUZZ_CORPUS)/$$target-seeds $(FUZZ) run --fuzz-dir tests/fuzz $$target \
			$(FUZZ_CORPUS)/$$target $(FUZZ_CORPUS)/$$target-seeds -- -dict=$(FUZZ_CORPUS)/$$target-seeds.dict \
			-max_total_time=$(FUZZ_SECONDS) -max_len=16384 -rss_limit_mb=2048 -timeout=120 -print_final_stats=1; \
	done

fuzz-build:
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	$(FUZZ) build --fuzz-dir tests/fuzz

docs: ## Write the generated pages: docs/tables.md, docs/ddl.md, docs/cli.md, docs/exit-codes.md
	$(BUILD)
	$(TARGET)/debug/drift2parquet docs docs

install-tools: ## What the tests are run with
	@command -v cargo-nextest >/dev/null || $(CARGO) install --locked cargo-nextest --version 0.9.151 \
		|| echo "cargo-nextest cannot be installed; cargo test does instead" >&2

clean: ## Remove everything that was built, and the lake of the demo
	$(CARGO) clean
	rm -rf $(VENV) $(VENV)-airflow $(VENV)-dagster $(VENV)-peers .spark-s3 demo-lake

$(VENV)/bin/python:
	PYTHON="$(PYTHON)" tests/readers/venv.sh $(VENV)

$(VENV)/valgrind.ready:
	@mkdir -p $(VENV)
	@command -v valgrind >/dev/null || tests/readers/apt.sh valgrind \
		|| echo "valgrind cannot be installed; instructions are not counted" >&2
	@touch $@

$(VENV)/demo.ready: $(READERS) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(READERS) duckdb
	@touch $@

$(VENV)-peers/ready: benches/peers/requirements.txt
	PYTHON="$(PYTHON)" tests/readers/venv.sh $(VENV)-peers
	$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(VENV)/s3.ready: $(S3) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(S3)
	@touch $@

$(VENV)/readers.ready: $(READERS) | $(VENV)/bin/python
	tests/readers/java.sh
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(READERS)
	@touch $@

# systemd checks its own units where it can be had; where not, the tests of their structure remain.
$(VENV)/examples.ready: $(EXAMPLES) | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(EXAMPLES)
	@command -v systemd-analyze >/dev/null || { apt-get update -qq && apt-get install -y -qq systemd; } >/dev/null 2>&1 \
		|| echo "systemd cannot be installed; its own check of the units is left out" >&2
	@touch $@

$(VENV)-%/ready: tests/examples/orchestrators/requirements-%.txt
	PYTHON="$(PYTHON)" tests/readers/venv.sh $(VENV)-$*
	$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
