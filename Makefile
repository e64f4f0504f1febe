# The two commands that matter: `make reproduce` and `make test`.

PYTHON  ?= python3
PROFILE ?= quick
RUNNER  ?= auto
BOARD   ?=
USING   := $(PYTHON) tools/venv.py use
BENCH   := $(USING) .venv/bin/python -m bench

.PHONY: FORCE help setup cluster reproduce test benchmark base images appendix lock lock-check clean

help:
	@echo "make reproduce            run experiments/quick.toml and report (PROFILE=name for another)"
	@echo "                          (BOARD=user@host XILINX_VIVADO=/tools/Xilinx/Vivado/2024.2)"
	@echo "make test                 lint, types, unit tests, a small network for real, containers"
	@echo "make benchmark            time everything: benchmarks.json, benchmarks.md (5 minutes)"
	@echo "                          (EXACT=1 for builds without our shortcuts, too: minutes more)"
	@echo "make setup                prepare .venv with the bench command"
	@echo "make cluster              add what runs on many machines need (Dask) to .venv"
	@echo "make images               build the container images ahead of a run (make base: their base only)"
	@echo "make appendix             write docs/artifact-appendix.md from docs/measured.json"
	@echo "make lock                 regenerate the hash-pinned locks"
	@echo "make clean                remove .venv and .tox; artifacts/ stays"

setup: .venv/ready

# Whether they are as wanted, the script knows; it also keeps several makes apart.
.venv/ready: FORCE
	@$(PYTHON) tools/venv.py host

.venv/dev .venv/cluster: .venv/ready FORCE
	@$(PYTHON) tools/venv.py $(@F)

cluster: .venv/cluster

FORCE:

reproduce: setup
	@$(BENCH) run experiments/$(PROFILE).toml --runner $(RUNNER) $(addprefix --board ,$(BOARD))

test: .venv/dev
	$(PYTHON) tools/venv.py test .venv/bin/tox run -e lint,type,unit,sim,integration

base images: setup
	@$(USING) .venv/bin/python -m bench.images $(if $(filter base,$@),base,build)

benchmark: cluster
	@$(USING) .venv/bin/python -m benchmarks $(if $(EXACT),--exact)

appendix: .venv/dev
	$(USING) .venv/bin/python tools/appendix.py

lock: .venv/dev
	$(USING) .venv/bin/python tools/lock.py

lock-check: .venv/dev
	$(USING) .venv/bin/python tools/lock.py --check

clean:
	@$(PYTHON) tools/venv.py clean
