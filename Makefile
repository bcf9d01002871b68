# Paperlake. `make demo` shows it, `make test` proves it, `make daily` runs it for real.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready
# Warnings about package indexes that pip skips help nobody here: -qq leaves errors.
PIP := $(BIN)/pip install -qq --disable-pip-version-check
PROGRAMS ?= 1000
KILLS ?= 100
FLIPS ?= 1000
LETTERS ?= 1000
MAIL_KILLS ?= 50
HOSTILE ?= 100000
HARVESTS ?= 1000
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false

.PHONY: all help setup demo daily test prove soak bench arxiv trending docs check fix lock clean
all: check test prove

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## make .venv with everything in it, as locked
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Paperlake needs Python 3.11 ($(PYTHON) was not found; say PYTHON=/path/to/python)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@# The constraint: pip 23 does not hold `package[extra]` to the version that is locked for `package`.
	$(PIP) --require-hashes --requirement requirements.lock --constraint requirements.lock
	$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

demo: setup  ## a month of simulated mornings, offline
	$(BIN)/papers demo

daily: setup  ## capture and publish the newest date of the real Hub
	$(BIN)/papers daily

test: setup  ## the tests
	$(BIN)/pytest --numprocesses auto --dist loadfile -m "not real"

prove: setup  ## the tests that start real servers and processes
	$(BIN)/pytest --numprocesses auto --dist loadfile -m real

soak: setup  ## the long trials: bits, histories, kills, letters, hostile records, harvests (five hours)
	PAPERLAKE_SOAK_FLIPS=$(FLIPS) $(BIN)/pytest tests/store/test_verify.py
	PAPERLAKE_SOAK_PROGRAMS=$(PROGRAMS) $(BIN)/pytest tests/build/test_history_machine.py tests/build/test_both_sources.py
	PAPERLAKE_SOAK_KILLS=$(KILLS) $(BIN)/pytest tests/pipelines/test_backfill_kill.py
	PAPERLAKE_SOAK_LETTERS=$(LETTERS) PAPERLAKE_SOAK_MAIL_KILLS=$(MAIL_KILLS) $(BIN)/pytest -s tests/outputs/test_delivery_kill.py
	PAPERLAKE_SOAK_HOSTILE=$(HOSTILE) $(BIN)/pytest tests/outputs/test_hostile.py
	PAPERLAKE_SOAK_HARVESTS=$(HARVESTS) $(BIN)/pytest tests/ingest/test_oai_harvest.py

bench: setup  ## how fast it is, beside the bare floor, dlt, a plain script and sickle (40 minutes); writes docs/benchmarks.md
	$(BIN)/python -m bench --write docs/benchmarks.md
	$(BIN)/python -m bench.start_up --write docs/start_up.md
	$(BIN)/python -m bench.arxiv.oai_pages
	$(BIN)/python -m bench.arxiv.snapshot

arxiv: setup  ## how fast arXiv's pages and lines become rows, beside the bare floor and sickle (ten minutes)
	$(BIN)/python -m bench.arxiv.oai_pages
	$(BIN)/python -m bench.arxiv.snapshot

trending: setup  ## whether the trending score tells later votes, by the recorded ones (a minute); writes docs/trending.md
	$(BIN)/python -m bench.trending --write docs/trending.md

docs: setup  ## the contract and the dictionary, from the declarations
	$(BIN)/papers contract --since docs/contract.odcs.yaml -o docs/contract.odcs.yaml
	$(BIN)/papers contract --as markdown -o docs/data_dictionary.md

check: setup  ## lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup  ## what the linter can mend itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup  ## lock the newest versions that resolve (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade --output-file requirements.lock

clean:  ## remove what make made, but no lake
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
