# Everything a newcomer needs: `make demo` shows it, `make test` proves it. `make help` lists the rest.
SHELL := /bin/sh
PY ?= python3
VENV := .venv
UV_VERSION := 0.13.9
UV := $(CURDIR)/.tools/bin/uv
BIN := $(VENV)/bin
# Extra words for pytest (`make test ARGS="-k doors"`) and for the demo (`make demo ARGS=--check`).
ARGS ?=

# Never fetch an interpreter: the one on the machine is the one that is tested.
export UV_PYTHON_DOWNLOADS := never
# Trust whom the machine trusts: many networks have a proxy with a certificate of their own.
export UV_SYSTEM_CERTS ?= true
# Tests and the demo start interpreters by the dozen: keep byte code even where the machine says not to.
unexport PYTHONDONTWRITEBYTECODE
# uv does not read pip.conf: hand its indexes on (only when something is installed).
UV_ENV = eval "$$($(PY) requirements/pip_index.py)"
OURS := pyproject.toml

.PHONY: help setup demo test lint check docs lock coverage mutation fuzz clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1	/'

setup: $(VENV)/.test ## install everything into .venv, run nothing

demo: $(VENV)/.run ## hub, simulated cabinet and station on this machine; prints the addresses
	@$(BIN)/linli demo $(ARGS)

test: $(VENV)/.test ## run the tests; what this machine lacks is left out and named
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(VENV)/.test ## format, lint, types, imports; changes nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

coverage: $(VENV)/.test ## branches of the rooms that decide an opening or keep an event: all of them must be tested
	@$(BIN)/python -m tests.proof.branches $(ARGS)

mutation: $(VENV)/.mutation ## change the same rooms at random and see whether a test notices (hours; see CONTRIBUTING.md)
	@$(BIN)/python -m tests.proof.mutants $(ARGS)

fuzz: $(VENV)/.fuzz ## every parser of the wire driven by coverage for minutes (see CONTRIBUTING.md)
	@$(BIN)/python -m tests.proof.fuzz $(ARGS)

check: lint test ## lint, then test: what must be green before a commit

docs: $(VENV)/.test ## write the reference pages anew from the code
	@$(BIN)/python docs/generate.py

lock: | $(UV) ## resolve requirements/*.txt anew from pyproject.toml
	@$(UV_ENV) && for set in "run --extra postgres" "test --all-extras --group test --group lint"; do \
	  name=$${set%% *}; groups=$${set#$$name}; \
	  $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    $$groups pyproject.toml -o requirements/$$name.txt || exit 1; done && \
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --group mutation -c requirements/test.txt -o requirements/mutation.txt && \
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	  --group fuzz -c requirements/test.txt -o requirements/fuzz.txt

clean: ## remove everything that was made here
	rm -rf $(VENV) .tools .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	  .import_linter_cache .grimp_cache .coverage .fuzz mutants dist tests/shots/out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A bare Debian has python3 and pip, but neither venv nor permission to install for the system
# (PEP 668): pip puts uv beside the project, uv makes the environment.
$(UV):
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Linli needs Python 3.11 or newer: make PY=python3.12 ..." >&2; exit 1; }
	@$(PY) -m pip install -q --disable-pip-version-check --root-user-action=ignore \
	  --target .tools "uv==$(UV_VERSION)"

$(BIN)/python: | $(UV)
	@$(UV) venv -q --allow-existing --python "$$(command -v $(PY))" $(VENV)

$(VENV)/.run: requirements/run.txt $(OURS) | $(BIN)/python
	@$(UV_ENV) && $(UV) pip install -q --compile-bytecode --python $(VENV) --require-hashes -r requirements/run.txt \
	  && $(UV) pip install -q --python $(VENV) --no-deps -e .
	@touch $@

$(VENV)/.test: requirements/test.txt $(OURS) | $(BIN)/python
	@$(UV_ENV) && $(UV) pip install -q --compile-bytecode --python $(VENV) --require-hashes -r requirements/test.txt \
	  && $(UV) pip install -q --python $(VENV) --no-deps -e .
	@touch $(VENV)/.run $@

# Beside the tests' own set: only `make mutation` needs it.
$(VENV)/.mutation: requirements/mutation.txt $(VENV)/.test
	@$(UV_ENV) && $(UV) pip install -q --compile-bytecode --python $(VENV) --require-hashes -r requirements/mutation.txt
	@touch $@

# Beside the tests' own set: only `make fuzz` needs it.
$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.test
	@$(UV_ENV) && $(UV) pip install -q --compile-bytecode --python $(VENV) --require-hashes -r requirements/fuzz.txt
	@touch $@
