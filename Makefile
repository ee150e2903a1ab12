# make run    install into .venv and open the monitor on the demo piece
# make test   install everything into .venv, then lint, type-check and test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO := realtime/assets/demo.ogg
NO_DISPLAY := $(if $(filter Linux,$(shell uname -s)),$(if $(DISPLAY)$(WAYLAND_DISPLAY),,yes),)

.PHONY: help run test fresh slow mutants lint bench screenshots demo appimage folder clean

help:
	@echo "make run          install, and open the monitor on the demo piece (no display: meters in the terminal)"
	@echo "make test         install everything, then ruff, mypy and the tests"
	@echo "make fresh        'make run' and 'make test' in a bare Debian, as root and as an ordinary user (needs root and mmdebstrap)"
	@echo "make slow         the long tests, which 'make test' leaves out"
	@echo "make mutants      plant faults and change the program in small ways: does a test notice each? (an hour)"
	@echo "make lint         ruff and mypy only"
	@echo "make bench        measure speed, and write it into README and docs/performance.md (up to ten minutes; PEERS='FILE ...' beside others)"
	@echo "make screenshots  let the monitor draw itself into docs/screenshots, in both themes, in Inter if installed (fonts-inter)"
	@echo "make demo         compose and render realtime/assets/demo.ogg again"
	@echo "make appimage     what Linux users start without installing anything, in build/ship (docs/shipping.md)"
	@echo "make folder       the same as a folder or Tutti.app, for macOS and Windows"
	@echo "make clean        remove .venv and every cache"
	@echo "PYTHON=python3.12 make ...  choose the interpreter (3.11 or newer)"

run: $(VENV)/.listener
ifeq ($(NO_DISPLAY),yes)
	@echo "No display found: meters in the terminal instead (Ctrl-C stops)."
	$(BIN)/tutti listen --file $(DEMO)
else
	$(BIN)/tutti monitor $(DEMO)
endif

test: lint
	$(BIN)/python -m pytest -q

slow: $(VENV)/.everything
	$(BIN)/python -m pytest -q -m slow

mutants: $(VENV)/.everything
	$(PIP) --constraint constraints.txt mutmut
	$(BIN)/python tests/planted_faults.py
	$(BIN)/python tests/mutants.py

fresh:
	.ci/fresh

lint: $(VENV)/.everything
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.everything
	@mkdir -p build
	$(BIN)/tutti bench $(addprefix --peer ,$(PEERS)) --json build/bench.json --page docs/performance.md --page README.md

screenshots: $(VENV)/.everything
	$(BIN)/tutti dev demo build/session/mix.ogg --stems build/session
	$(BIN)/tutti dev screenshots docs/screenshots --session build/session

demo: $(VENV)/.everything
	$(BIN)/tutti dev demo $(DEMO)

appimage: $(VENV)/.python
	@PYTHON=$(PYTHON) .ci/system-libraries run
	ship/appimage $(PYTHON)

folder: $(VENV)/.python
	ship/appimage --folder $(PYTHON)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Tutti needs Python 3.11 or newer, and '$(PYTHON)' is not: install one (apt install python3," \
	    "brew install python@3.12, winget install Python.Python.3.12), or name it: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { \
	  echo "'$(PYTHON)' cannot make virtual environments: sudo apt-get install -y python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.listener: $(VENV)/.python pyproject.toml constraints.txt .ci/system-libraries
	@PYTHON=$(PYTHON) .ci/system-libraries run
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.everything: $(VENV)/.python pyproject.toml constraints.txt .ci/system-libraries
	@PYTHON=$(PYTHON) .ci/system-libraries test
	$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.listener

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
