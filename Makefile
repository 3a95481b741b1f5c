# setup: environment · demo: describe examples/ · check: lint and types · test · lowest: on the lowest versions · bench: core and nulls · leaderboard · slice: regression gate · mini: train what ships · schema · clean
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo check test lowest bench leaderboard slice slice-reference slice-run mini schema clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[train,eval,medical,dev]"
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

# What every family of models and the training of an adapter must do, on the lowest versions that pyproject.toml allows.
LOWEST := .venv-lowest
lowest:
	test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet -c constraints-lowest.txt -e ".[train,medical,dev]"
	OMP_NUM_THREADS=1 $(LOWEST)/bin/pytest -n 2 tests/vlmdiff/test_profiles.py tests/vlmdiff/test_models_chat.py tests/train

bench: $(STAMP)
	$(BIN)/python -m eval core,nulls learned --workers 2

# All suites with the model, those of the baselines with each, on the same pairs; goes on where it was stopped.
WORKERS ?= 2
BOARD := runs/leaderboard
EVAL := OMP_NUM_THREADS=1 $(BIN)/python -m eval
SUITES ?= core nulls families many compose domains null-domains confounded injection real-easy medical subtle sparse sizes
BASELINES ?= pixels nearest random

leaderboard: $(STAMP)
	$(if $(and $(BANK),$(DATA)),,$(error say which images: make leaderboard BANK=bank.npy DATA=folder))
	for suite in $(SUITES); do \
	  $(EVAL) $$suite learned --bank $(BANK) --data $(DATA) --workers $(WORKERS) --out $(BOARD)/learned/$$suite --report || exit; \
	done
	for system in $(BASELINES); do \
	  $(EVAL) core,nulls $$system --like learned --bank $(BANK) --workers $(WORKERS) --out $(BOARD)/$$system || exit; \
	done
	$(EVAL) leaderboard $(BOARD)/learned/* $(addprefix $(BOARD)/,$(BASELINES)) --out docs/leaderboard.md

# A small fixed run on drawn images, held against the one that docs/slice.json keeps; exit code 6: worse beyond noise.
slice: slice-run
	$(EVAL) compare docs/slice.json runs/slice --gate --out runs/slice

slice-reference: slice-run
	$(EVAL) keep runs/slice docs/slice.json

slice-run: $(STAMP)
	rm -rf runs/slice
	$(EVAL) core,nulls,families learned --pairs 40 --workers $(WORKERS) --out runs/slice

# The model that ships, anew: a tower, a base, an adapter in rounds, its mean with the base, how often its judge is right.
# Four to five hours of two cores with bfloat16; goes on. START: a base whose tower is kept (mini: the one that ships).
MINI := runs/mini
START ?=
mini: $(STAMP)
	$(if $(DATA),,$(error say where the images are: make mini DATA=folder))
	test -f $(MINI)/bank.npy || { mkdir -p $(MINI) && $(BIN)/python -m data_synth pack $(DATA) $(MINI)/bank.npy; }
	$(BIN)/python -m train mini --bank $(MINI)/bank.npy $(if $(START),--start $(START) --keep-tower) --out $(MINI)
	$(BIN)/python -m train lora --task judge --tuning full --bank $(MINI)/bank.npy --base $(MINI)/both --start $(MINI)/both/projector \
	  --steps 600 --out $(MINI)
	$(BIN)/python -m train curriculum --bank $(MINI)/bank.npy --base $(MINI)/base --start $(MINI)/base/projector --judge $(MINI)/judge \
	  --known --tuning full --steps 1800 --pairs 7500 --rounds 6 --patience 6 --out $(MINI)
	$(BIN)/python -m train average $(MINI)/base/projector $(MINI)/full --base $(MINI)/base --out $(MINI)/adapter
	$(BIN)/python -m eval judging --bank $(MINI)/bank.npy --model $(MINI)/base --adapter $(MINI)/adapter --split val --into $(MINI)/adapter

schema: $(STAMP)
	$(BIN)/vlmdiff schema > docs/report-schema.json

clean:
	rm -rf $(VENV) build dist vlmdiff-report .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
