# Each target sets up what it needs; a fresh machine needs Python 3.11 or later, make and PyPI.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2

.PHONY: help demo test test-all check lint mutants bench lab lock run-environment environment bench-environment

help:
	@echo "make demo      play the whole way on a real capture"
	@echo "make test      the tests that need no root and no servers"
	@echo "make test-all  all tests: root, namespaces, long runs"
	@echo "make check     lint, types, architecture, then make test"
	@echo "make mutants   turn off one security property at a time; a test must notice each"
	@echo "make bench     measure, and write docs/benchmarks.md"
	@echo "make lab       make the demo's capture anew (root, Debian's packages)"
	@echo "make lock      lock the dependencies again"

demo: run-environment
	@$(BIN)/zt demo

test: environment
	$(PYTEST) -q -n $(WORKERS) -m "not slow and not root"

test-all: environment
	$(PYTEST) -q -n $(WORKERS) -m "slow and not root"
	ZT_EXAMPLES=10 $(PYTEST) -q -n $(WORKERS) -m "not slow" tests/properties tests/stores tests/unit/jobs
	$(PYTEST) -q -m root
	$(BIN)/python -m scripts.mutants --workers $(WORKERS)

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
