# Paperlake. `make demo` runs it offline, `make test` tests it, `make daily` captures from the real Hub.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready
# -qq: errors only. Warnings about package indexes that pip skips do not help.
PIP := $(BIN)/pip install -qq --disable-pip-version-check
PROGRAMS ?= 1000
KILLS ?= 100
FLIPS ?= 1000
LETTERS ?= 1000
MAIL_KILLS ?= 50
HOSTILE ?= 100000
HARVESTS ?= 1000
EXAMPLES ?= 20
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
# Modules are compiled once, not in each of the hundreds of processes of a demo or of the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: all help setup demo daily test prove soak bench arxiv trending docs check fix lock clean
all: check test prove

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## create .venv with the locked versions of all dependencies
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Paperlake needs Python 3.11 ($(PYTHON) was not found; set PYTHON=/path/to/python)"; exit 1; }
	@echo "Installing everything into .venv, as locked: one to three minutes, without further output."
	@$(PYTHON) -m venv --clear .venv
	@# The constraint is needed because pip 23 ignores the locked version of `package` for `package[extra]`.
	@$(PIP) --require-hashes --requirement requirements.lock --constraint requirements.lock
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@
	@echo "Ready. Next: make demo (weeks of simulated daily runs, offline), make test, or make daily (the real Hub)."

demo: setup  ## run weeks of daily runs on simulated data, offline
	$(BIN)/papers demo

daily: setup  ## capture and publish the newest date of the real Hub
	$(BIN)/papers daily

test: setup  ## run the tests without the markers `real` and `long`, in parallel
	$(BIN)/pytest --numprocesses auto --dist worksteal -m "not real and not long"

prove: setup  ## run the tests with the marker `real` (real servers, processes, kills) or `long` (more than ten seconds)
	@# Four at once, on two cores too: the tests of real servers mostly wait.
	$(BIN)/pytest --numprocesses 4 --dist loadscope -m "real or long"

soak: setup  ## run the long tests: flipped bits, histories, kills, letters, hostile records, harvests, properties (six hours)
	PAPERLAKE_SOAK_FLIPS=$(FLIPS) $(BIN)/pytest tests/store/test_verify.py
	PAPERLAKE_SOAK_PROGRAMS=$(PROGRAMS) $(BIN)/pytest tests/build/test_history_machine.py tests/build/test_both_sources.py
	PAPERLAKE_SOAK_KILLS=$(KILLS) $(BIN)/pytest tests/pipelines/test_backfill_kill.py
	PAPERLAKE_SOAK_LETTERS=$(LETTERS) PAPERLAKE_SOAK_MAIL_KILLS=$(MAIL_KILLS) $(BIN)/pytest -s tests/outputs/test_delivery_kill.py
	PAPERLAKE_SOAK_HOSTILE=$(HOSTILE) $(BIN)/pytest tests/outputs/test_hostile.py
	PAPERLAKE_SOAK_HARVESTS=$(HARVESTS) $(BIN)/pytest tests/ingest/test_oai_harvest.py
	PAPERLAKE_SOAK_EXAMPLES=$(EXAMPLES) $(BIN)/pytest tests/transforms

bench: setup  ## compare its speed with the floor (the fastest possible plain implementation), dlt, a plain script and sickle; writes docs/benchmarks.md (40 minutes)
	$(BIN)/python -m bench --write docs/benchmarks.md
	$(BIN)/python -m bench.start_up --write docs/start_up.md
	$(BIN)/python -m bench.arxiv.oai_pages
	$(BIN)/python -m bench.arxiv.snapshot

arxiv: setup  ## measure how fast arXiv's pages and lines are parsed, compared with the floor and sickle (ten minutes)
	$(BIN)/python -m bench.arxiv.oai_pages
	$(BIN)/python -m bench.arxiv.snapshot

trending: setup  ## evaluate how well the trending score predicts recorded votes; writes docs/trending.md (one minute)
	$(BIN)/python -m bench.trending --write docs/trending.md

docs: setup  ## generate the data contract and the data dictionary from schemas/
	$(BIN)/papers contract --since docs/contract.odcs.yaml -o docs/contract.odcs.yaml
	$(BIN)/papers contract --as markdown -o docs/data_dictionary.md

check: setup  ## lint, check the format, the types and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: setup  ## apply the automatic fixes of the linter, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup  ## lock the newest compatible versions of all dependencies (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade --output-file requirements.lock

clean:  ## remove .venv and caches, but no lake
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
