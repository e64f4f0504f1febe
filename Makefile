# The two commands that matter: `make reproduce` and `make test`.

PYTHON  ?= python3
PROFILE ?= quick
RUNNER  ?= auto
BOARD   ?=
BENCH   := .venv/bin/bench

.PHONY: help setup reproduce test benchmark base images appendix lock lock-check clean

help:
	@echo "make reproduce            run experiments/quick.toml and report (PROFILE=name for another)"
	@echo "                          (BOARD=user@host XILINX_VIVADO=/tools/Xilinx/Vivado/2024.2)"
	@echo "make test                 lint, types, unit tests, a small network for real, containers"
	@echo "make benchmark            time everything: benchmarks.json, benchmarks.md (5 minutes)"
	@echo "                          (EXACT=1 for builds without our shortcuts, too: minutes more)"
	@echo "make setup                prepare .venv with the bench command"
	@echo "make images               build the container images ahead of a run (make base: their base only)"
	@echo "make appendix             write docs/artifact-appendix.md from docs/measured.json"
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
	@$(BENCH) run experiments/$(PROFILE).toml --runner $(RUNNER) $(addprefix --board ,$(BOARD))

test: .venv/dev
	.venv/bin/tox run -e lint,type,unit,sim,peer,integration

base images: setup
	@.venv/bin/python -m bench.images $(if $(filter base,$@),base,build)

benchmark: setup
	@.venv/bin/python -m benchmarks $(if $(EXACT),--exact)

appendix: .venv/dev
	.venv/bin/python tools/appendix.py

lock: .venv/dev
	.venv/bin/python tools/lock.py

lock-check: .venv/dev
	.venv/bin/python tools/lock.py --check

clean:
	rm -rf .venv .tox
