# On a fresh clone with Python 3.11+ and make: `make run`. Everything is installed into .venv and nowhere else,
# except what `make test` needs from Debian (scripts/install-servers).
PYTHON ?= python3
ARGS ?=
NONE_IS_FINE = $(if $(ARGS),|| test $$? = 5)  # pytest's code for "no test matched" -k
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test lint bench manuals dashboards image clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

run: $(VENV)/.installed  ## start the monitor with config/monitor.yaml; Ctrl-C stops it
	@exec $(BIN)/lastseen run config/monitor.yaml $(ARGS)

test: $(VENV)/.dev  ## install what the tests need, run them (ARGS="-k word" for some)
	@scripts/install-servers
	$(BIN)/pytest -n 2 --dist loadscope -m "not alone" $(ARGS) $(NONE_IS_FINE)
	$(BIN)/pytest -m alone $(ARGS) $(NONE_IS_FINE)

lint: $(VENV)/.dev  ## ruff, mypy --strict, the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.dev  ## the benchmarks (ARGS=--quick for the short form)
	@scripts/install-servers
	$(BIN)/python -m bench $(ARGS)

manuals: $(VENV)/.installed  ## write docs/probes and docs/channels from docstrings
	@$(BIN)/python scripts/manuals.py

dashboards: $(VENV)/.dev  ## write grafana/dashboards from the code in grafana/builder
	@$(BIN)/python -m grafana.builder

image:  ## build the container image and prove it (root on Debian; elsewhere: docker build .)
	@scripts/install-servers
	scripts/image

clean:  ## remove what make made
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is newer than pyproject.toml when the environment holds what it asks for.
$(VENV)/.installed: pyproject.toml
	@start=$$(date +%s); printf 'Installing lastseen into $(VENV): '; \
	$(PYTHON) -m venv $(VENV) && $(PIP) install --editable . && touch $@ && echo "done in $$(($$(date +%s) - start)) s"

# Dependency groups need pip 25.1; Python 3.11 brings pip 23.
$(VENV)/.dev: $(VENV)/.installed
	@start=$$(date +%s); printf 'Installing test and lint tools into $(VENV): '; \
	$(PIP) install --upgrade 'pip>=25.1' && $(PIP) install --group dev && touch $@ && echo "done in $$(($$(date +%s) - start)) s"
