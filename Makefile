# Each target sets up what it needs; a fresh machine needs Python 3.11 or later, make and PyPI.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2

.PHONY: help demo test test-all test-opensearch check lint mutants bench lab lock run-environment environment bench-environment

help:
	@echo "make demo      play the whole way on a real capture"
	@echo "make test      the tests that need no root and no servers"
	@echo "make test-all  all tests: root, namespaces, long runs, OpenSearch"
	@echo "make test-opensearch  the tests against a real OpenSearch (fetched by Maven, run by Java 21"
	@echo "               or later; or OPENSEARCH_URL names a cluster to use)"
	@echo "make check     lint, types, architecture, then make test"
	@echo "make mutants   turn off one security property at a time; a test must notice each"
	@echo "make bench     measure, and write docs/benchmarks.md"
	@echo "make lab       make the demo's capture anew (root, Debian's packages)"
	@echo "make lock      lock the dependencies again"

demo: run-environment
	@$(BIN)/zt demo

test: environment
	$(PYTEST) -q -n $(WORKERS) -m "not slow and not root and not opensearch"

test-all: environment test-opensearch
	$(PYTEST) -q -n $(WORKERS) -m "slow and not root and not opensearch"
	$(PYTEST) -q -m "slow and opensearch"
	ZT_EXAMPLES=6 $(PYTEST) -q -n $(WORKERS) -m "not slow and not opensearch" tests/properties tests/stores tests/unit/jobs
	$(PYTEST) -q -m root
	$(BIN)/python -m scripts.mutants --workers $(WORKERS)

test-opensearch: environment
	$(PYTEST) -q -n $(WORKERS) -m "opensearch and not slow"

mutants: environment
	$(BIN)/python -m scripts.mutants --workers $(WORKERS)

check: lint test

lint: environment
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: bench-environment
	.venv-bench/bin/python -m tests.bench

lab: run-environment
	$(PYTHON) examples/lab/lab.py --out examples/data/demo.pcap --truth examples/data/demo.truth.json

lock: environment
	$(BIN)/python scripts/lock.py

run-environment:
	@$(PYTHON) scripts/environment.py run

environment:
	@$(PYTHON) scripts/environment.py dev

bench-environment:
	@$(PYTHON) scripts/environment.py bench
