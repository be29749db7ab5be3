# Two commands: `make demo` and `make test`. Each sets everything up on its own, once.
# PYTHON=... chooses the interpreter (3.10 to 3.13); otherwise the first suitable one is taken.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := results/demo

.PHONY: demo test benchmark setup lint lab notebooks clean

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@python=""; for candidate in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.10 python; do \
	  if $$candidate -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "No Python 3.10 to 3.13 found. Install one, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 2; fi; \
	echo "Setting up $(VENV) with $$($$python --version); this happens once and takes a few minutes."; \
	$$python -m venv $(VENV) || { echo "Could not make $(VENV). On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 2; }
# By uv, in a fraction of pip's time; by pip where it cannot be had, or where pip has an index of its own to ask.
	@if $(BIN)/python -m pip config list | grep -q '\.index-url' || ! { \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check uv && \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable ".[dev]"; }; then \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"; \
	fi
	@touch $(READY)

# About two minutes of training on two cores: real digits, no download beyond the Python packages.
demo: $(READY)
	@mkdir -p $(DEMO)
	@$(BIN)/papermill notebooks/mnist.ipynb $(DEMO)/notebook.ipynb -r results_dir "$(CURDIR)/results" -r run_name demo --stdout-file /dev/stdout --no-progress-bar --log-level WARNING
	@echo; echo "Training as a GIF:   $(DEMO)/progress.gif"
	@echo "The last grid:       $$(ls -t $(DEMO)/grids/*.png | head -n 1)"
	@echo "Executed notebook:   $(DEMO)/notebook.ipynb"

# As many processes as there are cores that may be used (`-n auto` counts those that may not, too), at most four.
TESTERS = $$($(BIN)/python -c 'import os; may = getattr(os, "sched_getaffinity", None); print(min(4, len(may(0)) if may else os.cpu_count()))')

# Bytecode is written even where somebody turned that off: some hundred processes would compile the package anew.
test: $(READY)
	@$(BIN)/ruff check --quiet .
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n $(TESTERS) --dist loadfile $(PYTEST)

# Speed and quality against the TensorFlow tutorial and a plain DCGAN; hours. BENCHMARK="--seeds 0 --budgets 30" for less.
benchmark: $(READY)
	@$(BIN)/python benchmarks/loop_cost.py --rounds 3
	@$(BIN)/python benchmarks/loop_cost.py --rounds 3 --recipe quick
	@$(BIN)/python benchmarks/toolbox_cost.py
	@$(BIN)/python benchmarks/quality.py $(BENCHMARK)

# Jupyter with the notebooks, in the browser.
lab: $(READY)
	@$(BIN)/jupyter lab --notebook-dir=.

# Their first cell, which installs the package where it is missing: after a change of its address in pyproject.toml.
notebooks: $(READY)
	@$(BIN)/python notebooks/first_cell.py

lint: $(READY)
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache
