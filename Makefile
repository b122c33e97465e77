# Two commands do everything on a fresh machine that has Python 3.11 or later and make:
#   make demo    plan, show, apply and plan again on a simulated node with eight H100
#   make test    every check: formatting, lint, types, tests
#   make soak    the control loop for a simulated day among faults, kills and other programs: half an hour

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# One more than there are cores: there is always a test that waits for something.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))

.PHONY: demo test bench soak golden schemas man docs pictures clean

demo: $(VENV)/demo-ready
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: $(VENV)/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Another length or story: make soak SOAK="-hours 4 -speed 90 -seed 7".
SOAK ?= -hours 24 -speed 48

soak: $(VENV)/test-ready
	$(BIN)/python -m tests.soak $(SOAK)

# What esnode costs and achieves on this machine, into docs/performance.md. Takes some twenty minutes; best alone.
# One part: make bench PART=start (no_op, phases, applying, growth, fleet, thermal, loop_cost).
bench: $(VENV)/test-ready
	$(BIN)/python -m tests.benchmarks$(addprefix .,$(PART))

# Golden texts and generated schemas are written anew, to be reviewed as a diff.
golden: $(VENV)/test-ready
	$(BIN)/python -m pytest -q --regenerate tests

# Every command's page, and docs/commands.md, from what its -help says.
man: $(VENV)/test-ready
	rm -f man/*.1
	$(BIN)/python -m esnode man -out man
	$(BIN)/python -m esnode.cli.reference

schemas: $(VENV)/test-ready
	$(BIN)/python -m esnode.storage.generate

# The documentation as a site, in build/site. A link or an anchor that leads nowhere is an error.
docs: $(VENV)/test-ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

# The pictures of docs/pictures, made anew from what the commands print.
pictures: $(VENV)/test-ready
	$(BIN)/python docs/site/pictures.py

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
