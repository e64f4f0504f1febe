# The two commands that matter: `make reproduce` and `make test`.

PYTHON  ?= python3
PROFILE ?= quick
RUNNER  ?= auto
BENCH   := .venv/bin/bench

.PHONY: help setup reproduce test benchmark lock lock-check clean

help:
	@echo "make reproduce            run experiments/quick.toml and report (PROFILE=name for another)"
	@echo "make test                 lint, types, unit tests, and a small network for real"
	@echo "make benchmark            time everything: benchmarks.json, benchmarks.md (5 minutes)"
	@echo "make setup                prepare .venv with the bench command"
	@echo "make lock                 regenerate the hash-pinned locks"
	@echo "make clean                remove .venv and .tox; artifacts/ stays"

setup: .venv/ready

PIP_INSTALL := .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps

.venv/ready: requirements/host.lock pyproject.toml
	@$(PYTHON) tools/check_python.py
	@echo "setting up .venv (once)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(PIP_INSTALL) --require-hashes -r requirements/host.lock
	@$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/ready requirements/dev.lock
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.lock
	@touch $@

reproduce: setup
	@$(BENCH) run experiments/$(PROFILE).toml --runner $(RUNNER)

test: .venv/dev
	.venv/bin/tox run -e lint,type,unit,sim

benchmark: setup
	@.venv/bin/python -m benchmarks

lock: .venv/dev
	.venv/bin/python tools/lock.py

lock-check: .venv/dev
	.venv/bin/python tools/lock.py --check

clean:
	rm -rf .venv .tox
