# The commands of this project. Each sets up what it needs; nothing but Python >= 3.11, pip and make is expected.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo tour test check fix lint-openapi bench migration lock clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

.venv/done: requirements-dev.txt pyproject.toml
	$(PYTHON) -m venv .venv
	@if command -v uv >/dev/null; then \
		uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt && \
		uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && \
		$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

setup: .venv/done  ## a virtual environment with the locked packages

demo: setup  ## the demo county on http://127.0.0.1:8000, or another port: make demo port=8001
	$(BIN)/lava demo $(if $(port),--port $(port))

tour: setup  ## one decision's whole life, played over HTTP
	$(BIN)/lava tour

test: setup  ## the whole suite, on SQLite and on PostgreSQL
	$(BIN)/pytest --numprocesses 2

check: setup  ## lint, types, direction of imports, generated files, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/lava docs --check
	$(BIN)/lava check-migrations

fix: setup  ## mend what can be mended, write generated files anew
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/lava docs

lint-openapi:  ## the description of the API by spectral:oas and OWASP's rules; needs Node and its registry
	npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix .spectral \
		@stoplight/spectral-cli@6.16.3 @stoplight/spectral-owasp-ruleset@2.0.1
	.spectral/node_modules/.bin/spectral lint --ruleset openapi/spectral.yaml --fail-severity hint openapi/openapi.json

bench: setup  ## speed as ratios to a bare endpoint, on both databases
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.budget

migration: setup  ## a new migration: make migration m="add the thing"
	$(BIN)/lava new-migration "$(m)"

lock: setup  ## lock anew: hashes, no addresses
	uv pip compile --quiet pyproject.toml --universal --generate-hashes --no-header -o requirements.txt
	uv pip compile --quiet pyproject.toml --group dev --universal --generate-hashes --no-header \
		-c requirements.txt -o requirements-dev.txt

clean:  ## remove what was made
	rm -rf .venv .spectral .clients .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
