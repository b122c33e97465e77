# Two commands do everything on a fresh machine that has Python 3.11 or later and make:
#   make demo    plan, show, apply and plan again on a simulated node with eight H100
#   make test    every check: formatting, lint, types, tests
#   make soak    the control loop for a simulated day among faults, kills and other programs: half an hour

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test check soak golden schemas clean

demo: $(VENV)/demo-ready
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(VENV)/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto

# Another length or story: make soak SOAK="-hours 4 -speed 90 -seed 7".
SOAK ?= -hours 24 -speed 48

soak: $(VENV)/test-ready
	$(BIN)/python -m tests.soak $(SOAK)

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
