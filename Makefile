# `make demo` answers the question on a laptop; `make test` proves the parts.
# The default PyPI wheel of torch on Linux brings CUDA (several GB). For a CPU-only torch name an index or a wheel:
#   make demo TORCH=https://download.pytorch.org/whl/cpu
PYTHON ?= python3
VENV   ?= .venv
TORCH  ?=
RUN    ?= runs/make-demo
BIN    := $(VENV)/bin
# On a CPU with ONNX Runtime (it is among the developers' packages) the demo tries that, too.
DEMO   ?= $(shell $(BIN)/python -c 'import onnx, onnxruntime' 2>/dev/null && ! command -v nvidia-smi >/dev/null && \
            echo demo-engines || echo demo)
PYTEST := $(BIN)/python -m pytest -n 2
# Two workers on two cores: where each had two threads, they would wait for one another.
ONE_THREAD := OMP_NUM_THREADS=1

.PHONY: demo quick test test-slow test-faults check fix hooks results install clean

# Its run is marked as scratch: the next demo deletes it. Any other run in its folder is moved aside.
demo: install
	$(BIN)/python -m tuner.grid --preset $(DEMO) --output-dir $(RUN) --overwrite --scratch

# While writing: the first case of each test that needs no Ray, no browser and no seconds. Under 90 seconds on two cores.
quick: install
	$(ONE_THREAD) $(PYTEST) --one-case -m "not (ray or browser or seconds or slow)"

# At most five minutes on two idle cores.
test: install
	$(ONE_THREAD) $(PYTEST) --dist loadgroup -m "not slow"

# What is slow by its nature.
test-slow: install
	$(ONE_THREAD) $(PYTEST) --dist loadgroup -m slow --durations=10

# Drivers, processes and nodes are killed, disks filled, files damaged: docs/running.md. Under twenty minutes on two cores.
test-faults: install
	$(PYTEST) tests/faults --dist loadfile --durations=10 $(FAULTS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# From now on each commit is checked first (.pre-commit-config.yaml).
hooks: install
	$(BIN)/pre-commit install

# What docs/results does not keep, redrawn from its raw rows into RUN/report/: minutes.
results: install
	$(BIN)/python -m benchmarks.redraw

install: $(VENV)/.installed

# An index page ends up in --index-url for torch alone; anything else is taken as a requirement or a wheel.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH),$(BIN)/pip install $(if $(filter %.whl,$(TORCH)),$(TORCH),--index-url $(TORCH) torch==2.13.0))
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# What this file makes, and caches; never runs/, which holds what was measured.
clean:
	rm -rf $(VENV) docs/results/*/report .pytest_cache .ruff_cache .mypy_cache .hypothesis
