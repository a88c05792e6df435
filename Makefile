# `make demo` and `make test` set everything up and do their work; a second run is quick. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEST_JOBS ?= auto
export PYTHONDONTWRITEBYTECODE ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-spark demo test check format lint types contracts sql test-spark bench bench-pricing bench-bridge findings-report price-agreement fuzz lock docs readme clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(VENV)/.base: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the locked packages …"
	@$(call install,requirements.lock)
	@$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.lock
	@$(call install,requirements-dev.lock)
	@touch $@

$(VENV)/.spark: $(VENV)/.dev requirements-spark.lock
	@$(call install,requirements-spark.lock)
	@touch $@

# uv where it is installed, else plain pip; both check every hash.
define install
if command -v uv >/dev/null 2>&1; then uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r $(1); \
else $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(1); fi
endef

setup: $(VENV)/.base ## the environment that the product needs
setup-dev: $(VENV)/.dev ## and what its tests need
setup-spark: $(VENV)/.spark ## and Spark

demo: setup ## a sample company from its logs to its weekly unit economics
	@$(BIN)/margincall demo

test: setup-dev ## the tests
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist worksteal -m "not spark and not fuzz"

check: setup-dev format-check lint types contracts sql test ## everything that must hold before a change is handed over

format: setup-dev ## rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: format-check
format-check: setup-dev
	$(BIN)/ruff format --check .

lint: setup-dev ## ruff
	$(BIN)/ruff check .

types: setup-dev ## basedpyright
	$(BIN)/basedpyright

contracts: setup-dev ## which folder may import which
	$(BIN)/lint-imports

sql: setup-dev ## SQL style
	$(BIN)/sqlfluff lint models_sql

test-spark: setup-spark ## the same models on Apache Spark, compared with DuckDB's marts
	$(BIN)/python -m pytest -m spark

bench: setup-dev ## how long landing, building and publishing take; needs 4 KB of disk per row, BENCH_ROWS=500000 for a few minutes
	$(BIN)/python -m tests.benchmarks.bench_landing

bench-pricing: setup-dev ## how long pricing takes; BENCH_ROWS=1000000 for a tenth of it
	$(BIN)/python -m tests.benchmarks.bench_pricing

bench-bridge: setup-dev ## how long the margin bridge of 5,000 cells takes, beside a plain loop
	$(BIN)/python -m tests.benchmarks.bench_bridge

findings-report: setup-dev ## how well findings find what is planted, on sample companies of other seeds; two minutes for each
	$(BIN)/python -m tests.benchmarks.findings_report

price-agreement: setup-dev ## our prices beside two independent calculators' (MARGINCALL_REAL_DATA names their results)
	@$(BIN)/python -m tests.contract.price_agreement

fuzz: setup-dev ## long random searches
	$(BIN)/python -m pytest -m fuzz

lock: setup-dev ## resolve the dependencies anew (needs uv)
	uv pip compile --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --quiet \
	  --custom-compile-command "make lock" pyproject.toml --group build -o requirements.lock
	uv pip compile --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --quiet \
	  --custom-compile-command "make lock" pyproject.toml --group build --group dev --extra postgres --extra s3 -c requirements.lock -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url --quiet \
	  --custom-compile-command "make lock" pyproject.toml --group build --group dev --extra postgres --extra s3 --extra spark -c requirements-dev.lock -o requirements-spark.lock

docs: setup ## write docs/sources and docs/marts.md from what sources and models say of themselves
	$(BIN)/python -m tests.source_pages --write
	$(BIN)/python -m tests.mart_page --write

readme: setup ## put the demo's table into the README, and an explained figure into docs/figures.md
	$(BIN)/python -m tests.readme --write

clean: ## remove the environment, the demo and every cache
	rm -rf $(VENV) var/demo .pytest_cache .ruff_cache .hypothesis
