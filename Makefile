# Every target is one line of work; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help up down install dev tools test unit lint bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: install ## set up and start a cluster
	@$(BIN)/sekisho up

down: ## stop the cluster
	@$(BIN)/sekisho down

install: $(VENV)/.installed ## make the virtual environment and install Sekisho

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) scripts/check_python.py
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

dev: $(VENV)/.dev ## install what the tests need

$(VENV)/.dev: pyproject.toml $(VENV)/.installed
	@$(BIN)/python scripts/install_dev.py
	@touch $@

tools: dev ## fetch the kubectl versions that the tests drive
	@$(BIN)/python scripts/fetch_kubectl.py 1.20 1.24 1.28 1.32 1.37 --dest .cache/kubectl
	@$(BIN)/python scripts/fetch_oidc_provider.py
	@$(BIN)/python scripts/install_system.py

test: tools lint unit ## set up, check and run all tests

lint: dev ## ruff, mypy and the layers
	@$(BIN)/ruff check src tests bench scripts
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: tools ## run the tests
	@$(BIN)/pytest -n 2

bench: dev ## run the benchmarks
	@$(BIN)/python -m bench

clean: ## remove what the targets made
	@rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
