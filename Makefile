# The two commands that matter: `make reproduce` and `make test`.

PYTHON  ?= python3
PROFILE ?= quick
RUNNER  ?= auto
BENCH   := .venv/bin/bench

.PHONY: help setup reproduce test lock lock-check clean

help:
	@echo "make reproduce            run experiments/quick.toml and report (PROFILE=name for another)"
	@echo "make test                 lint, types, unit tests, and a small network for real"
	@echo "make setup                prepare .venv with the bench command"
	@echo "make lock                 regenerate the hash-pinned locks"
	@echo "make clean                remove .venv and .tox; artifacts/ stays"

setup: .venv/ready

.venv/ready: requirements/host.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"error: Python 3.11 or later is needed, $(PYTHON) is {v[0]}.{v[1]}.\nwhat to do: install a newer one and run `make PYTHON=/path/to/python3.11`.")'
	@echo "setting up .venv (once, about half a minute)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/host.lock
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

reproduce: setup
	@$(BENCH) run experiments/$(PROFILE).toml --runner $(RUNNER)

test: setup
	.venv/bin/tox run -e lint,type,unit,sim

lock: setup
	.venv/bin/python tools/lock.py

lock-check: setup
	.venv/bin/python tools/lock.py --check

clean:
	rm -rf .venv .tox
