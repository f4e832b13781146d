# The commands of this repository. Each does its own set-up on a fresh Linux or macOS machine
# with Python 3.11 or 3.12; `make` alone lists them.

PROFILE ?= auto
DATASET ?= auto

# The newest Python that the lock file covers; override with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,12))' 2>/dev/null \
	&& { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUN := $(BIN)/python -m fer_utils
RUN_OPTIONS = --profile $(PROFILE) --dataset $(DATASET)
UV_VERSION := 0.13.9
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help report test smoke lab data train lint format exercises render lock bench bench-demo speedrun clean \
	demo page vendor model

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "PROFILE=smoke|laptop|full (now $(PROFILE): full with a GPU, else laptop)"
	@echo "DATASET=fer2013|synthetic (now $(DATASET): fer2013 if data/raw holds it)"

report: $(READY) ## train what is missing, run the notebooks, render the report
	$(RUN) train $(RUN_OPTIONS)
	$(RUN) report $(RUN_OPTIONS)

# Dozens of processes import the package: byte code is kept, also where it usually is not.
test: $(READY) ## unit tests, and every notebook under nbval on the smoke profile
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --durations 30 -p no:nbval

smoke: $(READY) ## run every notebook and the report on a tiny synthetic data set
	$(RUN) report --profile smoke

lab: $(READY) ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/01_data_exploration.ipynb

data: $(READY) ## find, fetch and check the data sets
	$(RUN) data

train: $(READY) ## train the missing runs of the profile, main results first; resumes
	$(RUN) train $(RUN_OPTIONS)

lint: $(READY) ## check code style and the structure of the notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(RUN) lint-notebooks
	$(RUN) exercises --check

format: $(READY) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

exercises: $(READY) ## make the exercise notebooks from the solutions
	$(RUN) exercises

render: $(READY) ## render the report again, without running anything
	$(RUN) render $(RUN_OPTIONS)

bench: $(READY) ## time data loading and the training step
	$(BIN)/python benchmarks/data_loading.py
	$(BIN)/python benchmarks/training_step.py

bench-demo: $(READY) vendor ## time faces, page and server, and check the net in the browser
	$(BIN)/python benchmarks/faces.py
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/demo_load.py
	$(BIN)/python benchmarks/page_accuracy.py

speedrun: $(READY) ## train from nothing to an accuracy, on the clock (TARGET=66.3; none: all)
	$(BIN)/python benchmarks/speedrun.py $(if $(TARGET),--target $(TARGET))

demo: $(READY) ## serve the demo on this machine only (PORT=8000)
	$(BIN)/python -m demo.server --port $(PORT)

page: $(READY) vendor ## write the demo's page as a folder for any static host: build/page
	$(BIN)/python -m demo.build_page

vendor: $(READY) ## fetch onnxruntime-web for the page, from npm, with checked hashes
	$(BIN)/python -m demo.vendor

model: $(READY) ## make a run's net the one of demo and page (SHIP=run folder; VARIANT=, MIRROR=1)
	@test -n "$(SHIP)" || { echo "Which run? make model SHIP=reports/runs/<folder>"; exit 1; }
	$(RUN) export $(SHIP) --ship $(if $(VARIANT),--variant $(VARIANT)) $(if $(MIRROR),--mirror)

lock: ## pin every package again (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --quiet -o requirements.lock

clean: ## remove what was generated; data, runs and the published report stay
	rm -rf build data/cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The virtual environment: pinned packages with checked hashes, then this package, editable.
# uv installs them in parallel; where it can't be had, pip does the same, slower.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages (about 4 GB the first time) ..."
	@$(BIN)/python -m pip install --quiet "uv==$(UV_VERSION)" && \
		$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock || \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
