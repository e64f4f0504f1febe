# The two commands that matter: `make reproduce` and `make test`.

PYTHON  ?= python3
PROFILE ?= quick
RUNNER  ?= auto
BOARD   ?=
LAYERS  ?= lint,type,unit,sim,integration
USING   := $(PYTHON) tools/venv.py use
BENCH   := $(USING) .venv/bin/python -m bench

.PHONY: FORCE help setup cluster reproduce own-model test benchmark base images docs lock lock-check clean

help:
	@echo "make reproduce            run experiments/quick.toml and write a report"
	@echo "                          PROFILE=name runs another grid of experiments/, RUNNER=docker or"
	@echo "                          RUNNER=venv chooses where; BOARD=user@host measures on your board,"
	@echo "                          XILINX_VIVADO=/tools/Xilinx/Vivado/2024.2 builds bitstreams"
	@echo "make own-model            fetch a model in ONNX, FINN+'s own example, and run it through"
	@echo "                          experiments/own-model.toml: the way that a model of yours takes"
	@echo "make test                 lint, types, unit tests, a small network end to end, containers;"
	@echo "                          LAYERS=lint,unit runs some of them"
	@echo "make benchmark            time every part: benchmarks.json, benchmarks.md (5 minutes;"
	@echo "                          EXACT=1 adds builds without our shortcuts, minutes more)"
	@echo "make setup                prepare .venv with the bench command"
	@echo "make cluster              add what runs on many machines need (Dask) to .venv"
	@echo "make images               build the container images ahead of a run (make base: their base only)"
	@echo "make docs                 write the generated pages: reference, artifact appendix"
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

own-model: setup
	@$(USING) .venv/bin/python tools/own_model.py
	@$(BENCH) run experiments/own-model.toml --runner $(RUNNER)

test: .venv/dev
	$(PYTHON) tools/venv.py test .venv/bin/tox run -e $(LAYERS)

base images: setup
	@$(USING) .venv/bin/python -m bench.images $(if $(filter base,$@),base,build)

benchmark: cluster
	@$(USING) .venv/bin/python -m benchmarks $(if $(EXACT),--exact)

docs: .venv/dev
	$(USING) .venv/bin/python tools/appendix.py
	$(USING) .venv/bin/python tools/reference.py
	$(USING) .venv/bin/python tools/columns.py
	$(USING) .venv/bin/python tools/glossary.py
	$(USING) .venv/bin/python tools/calibrate.py page

lock: .venv/dev
	$(USING) .venv/bin/python tools/lock.py

lock-check: .venv/dev
	$(USING) .venv/bin/python tools/lock.py --check

clean:
	@$(PYTHON) tools/venv.py clean
