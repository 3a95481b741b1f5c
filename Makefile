# setup: environment · demo: describe examples/ · check: lint and types · test · bench: the core suite · schema · clean
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo check test bench schema clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[train,eval,dev]"
	touch $@

demo: $(STAMP)
	$(BIN)/vlmdiff describe examples/a examples/b --out vlmdiff-report

check: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# One thread a worker: two workers on two cores would otherwise fight over them.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

bench: $(STAMP)
	$(BIN)/python -m eval core

schema: $(STAMP)
	$(BIN)/vlmdiff schema > docs/report-schema.json

clean:
	rm -rf $(VENV) build dist vlmdiff-report .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
