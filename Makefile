# Two commands do everything on a fresh machine that has Python 3.11 or later and make:
#   make demo    plan, show, apply and plan again on a simulated node with eight H100
#   make test    every check: formatting, lint, types, tests

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test bench check golden schemas clean

demo: $(VENV)/demo-ready
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(VENV)/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

# What esnode costs and achieves on this machine, into docs/performance.md. Takes some minutes; best alone.
bench: $(VENV)/test-ready
	$(BIN)/python -m tests.benchmarks.thermal
	$(BIN)/python -m tests.benchmarks.loop_cost

# Golden texts and generated schemas are written anew, to be reviewed as a diff.
golden: $(VENV)/test-ready
	$(BIN)/python -m pytest -q --regenerate tests

schemas: $(VENV)/test-ready
	$(BIN)/python -m esnode.storage.generate

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo-ready: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/test-ready: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/demo-ready

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
