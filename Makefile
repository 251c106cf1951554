# Skyshelf: the commands of a working day. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --annotation-style=line
.DEFAULT_GOAL := help
CLIENTS := .venv-clients
.PHONY: help run test torture clients check format lock docs bench clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Skyshelf needs Python 3.11 or newer; try: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Skyshelf needs into $(VENV); this happens once."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing what the tests need into $(VENV); this happens once."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.txt
	@touch $@

run: $(VENV)/.runtime ## start everything: PostgreSQL, API, worker (Ctrl-C stops it)
	@exec $(BIN)/skyshelf up

test: $(VENV)/.dev ## run all tests against a real PostgreSQL
	$(BIN)/pytest -n auto

$(VENV)/.torture: requirements-torture.txt $(VENV)/.dev
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-torture.txt
	@touch $@

torture: $(VENV)/.torture ## the long runs: kills, floods, outages, hostile files and requests; some hours
	@mkdir -p benchmarks/results
	$(BIN)/pytest tests/torture tests/hostile_http tests/hostile_fits tests/outages tests/ingest/test_fault_points.py --long --report benchmarks/results/torture.json
	$(BIN)/python -m tests.torture.fuzzing all --seconds 600 --corpus benchmarks/results/fuzzing --report benchmarks/results/fuzzing.json

$(CLIENTS)/.installed: requirements-clients.txt
	@echo "Installing pyobs-core and the OCS ingester into $(CLIENTS); this happens once."
	@$(PYTHON) -m venv --clear $(CLIENTS)
	@$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-clients.txt
	@touch $@

clients: $(VENV)/.dev $(CLIENTS)/.installed ## run the real clients of both upstream archives against a whole archive
	CLIENTS_PYTHON=$(CURDIR)/$(CLIENTS)/bin/python $(BIN)/pytest tests/clients

check: $(VENV)/.dev ## format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy app worker migrations tests benchmarks
	$(BIN)/lint-imports

format: $(VENV)/.dev ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## write the generated pages: settings, keyword map, OpenAPI, statements
	$(BIN)/skyshelf docs
	$(BIN)/python -m tests.contract.statement_table

bench: $(VENV)/.dev ## measure speed and memory, with floors from the same run
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev ## lock the requirements again
	$(BIN)/$(LOCK) --output-file=requirements.txt --extra=build pyproject.toml
	$(BIN)/$(LOCK) --output-file=requirements-dev.txt --extra=build --extra=dev pyproject.toml
	$(BIN)/$(LOCK) --output-file=requirements-clients.txt tests/clients/requirements.in
	$(BIN)/$(LOCK) --output-file=requirements-torture.txt tests/torture/requirements.in

clean: ## remove the environment and caches; data stays
	rm -rf $(VENV) $(CLIENTS) .mypy_cache .ruff_cache .pytest_cache *.egg-info build
