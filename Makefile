# The commands of this repository; `make help` lists them.
#
# Everything Python goes into .venv, from the locked, hashed lists in requirements/. Stamp files
# remember what is installed, so that a second run starts at once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Wheels only: a lock file cannot vouch for what a source package would fetch while it builds.
PIP_INSTALL := $(PIP) install --require-hashes --only-binary :all:

# What `make nightly` runs: everything that has a long form.
PROOFS := tests/proof tests/unit/store tests/system/test_kill.py

.DEFAULT_GOAL := help
.PHONY: help demo test nightly check lint types layers house packaging wheel bench lock clean servers

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo-installed ## a simulated warehouse with the whole gateway; ARGS="--headless --seconds 30"
	@$(BIN)/rfid-gateway demo $(ARGS)

test: $(VENV)/.test-installed servers ## everything that the tests need, then all tests; ARGS="-k door"
	$(BIN)/python -m pytest $(ARGS)

# The sizes are those of docs/reliability.md; ARGS="-k kill" or PROOF_KILLS=100 do less. Slow: hours.
nightly: $(VENV)/.test-installed servers ## the proofs in their long forms; figures in build/proof/*.json
	PROOF=long PROOF_FIGURES=build/proof $(BIN)/python -m pytest -s $(PROOFS) $(ARGS)
	$(BIN)/rfid-gateway bench commit --json | tee build/proof/commit.json

check: lint types layers house packaging ## lint, types, layers, sizes and the wheel; make -k check goes on after a failure

lint: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test-installed
	$(BIN)/mypy

layers: $(VENV)/.test-installed
	$(BIN)/lint-imports

house: $(VENV)/.test-installed
	$(BIN)/python checks/sizes.py
	$(BIN)/python checks/words.py

packaging: $(VENV)/.test-installed
	$(BIN)/python -m pytest -q tests/packaging

wheel: $(VENV)/.demo-installed ## dist/rfid_gateway-*.whl, built without a network
	$(PIP) wheel --no-deps --no-index --no-build-isolation --wheel-dir dist .

bench: $(VENV)/.test-installed ## the benchmarks behind docs/benchmarks.md; ARGS="--json"
	$(BIN)/rfid-gateway bench $(ARGS)

lock: $(VENV)/.created ## resolve the dependencies anew, into requirements/*.txt
	$(PIP) install "uv>=0.9"
	BIN=$(BIN) bash requirements/lock.sh

clean: ## remove everything that make has made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find gateway tests checks -name __pycache__ -type d -prune -exec rm -rf {} +

servers:
	@bash checks/servers.sh

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rfid-gateway needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Editable: what runs is the checkout. The build tools come from the lock as well, so that nothing
# is fetched outside it.
$(VENV)/.demo-installed: $(VENV)/.created pyproject.toml requirements/build.txt requirements/demo.txt
	@echo "Installing into $(VENV) (once; takes about a minute) …"
	$(PIP_INSTALL) -r requirements/build.txt -r requirements/demo.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test-installed: $(VENV)/.demo-installed requirements/test.txt
	$(PIP_INSTALL) -r requirements/test.txt
	@touch $@
