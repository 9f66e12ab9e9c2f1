# `make demo` answers the question on a laptop; `make test` proves the parts.
# The default PyPI wheel of torch on Linux brings CUDA (several GB). For a CPU-only torch name an index or a wheel:
#   make demo TORCH=https://download.pytorch.org/whl/cpu
PYTHON ?= python3
VENV   ?= .venv
TORCH  ?=
RUN    ?= runs/demo
BIN    := $(VENV)/bin

.PHONY: demo test test-faults check results install clean

demo: install
	$(BIN)/python -m tuner.grid --preset demo --output-dir $(RUN) --overwrite

test: install
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# What docs/results does not keep, redrawn from its raw rows: RUN/report/, minutes.
results: install
	$(BIN)/python -m benchmarks.redraw

# Drivers, processes and nodes are killed, disks filled, files damaged: docs/running.md. Under twenty minutes on two cores.
test-faults: install
	$(BIN)/python -m pytest tests/faults -n 2 --dist loadfile --durations=10 $(FAULTS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: $(VENV)/.installed

# An index page ends up in --index-url for torch alone; anything else is taken as a requirement or a wheel.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH),$(BIN)/pip install $(if $(filter %.whl,$(TORCH)),$(TORCH),--index-url $(TORCH) torch==2.13.0))
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) runs .pytest_cache .ruff_cache .mypy_cache .hypothesis
