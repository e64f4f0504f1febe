"""Patches for Yosys change nothing that a module does, and are refused by other sources."""

from __future__ import annotations

import io
import json
from pathlib import Path

import finn
import numpy as np
import pytest

from accelerators import IMAGES, Bench, compile_network
from finn_worker.accelerator import Accelerator, Workshop
from finn_worker.mapping import layers, patches
from finn_worker.simulator import Run
from stagekit import Reporter, StageError

FINN_RTL = Path(str(finn.__file__)).parent / "finn-rtllib"
FILES = sorted({patch.file for patch in patches.PATCHES})
# In turn, FINN's FIFO of LUT memory, and of shift registers; block RAM is for deeper ones.
DEPTHS = (40, 2, 64, 16, 2, 33)


def _original(file: str) -> str:
    return next(FINN_RTL.rglob(file)).read_text()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("patches")
    return compile_network(folder, (32, 16, 8, 4), [[2, 4], [2, 2], [2, 1]], weight_bits=4)


def _patch(rtl: Path) -> None:
    for path in (rtl / "lib").iterdir():
        path.write_text(patches.fit(path.name, path.read_text()))
    design = json.loads((rtl.parent / "design.json").read_text())
    for node in design["nodes"]:
        if node["weights"] is not None:
            texts = {Path(name).name: (rtl / name).read_text() for name in node["sources"]}
            layers.narrow(node["weights"]["module"], texts)
            wrapper = f"{node['weights']['module']}.v"
            (rtl / "nodes" / wrapper).write_text(texts[wrapper])


def _simulated(bench: Bench, compiled: Path, dma: int) -> tuple[np.ndarray, Run]:
    """Outputs and cycles with FINN's own modules and FIFOs."""
    accelerator = Accelerator.load(compiled)
    streams = len(accelerator.design["streams"])
    depths = (DEPTHS * streams)[:streams]
    request = bench.request(f"{compiled.name} dma {dma}", compiled)
    workshop = Workshop(accelerator, request, Reporter(io.StringIO()))
    simulator = workshop.simulator("build", depths, exact=True)
    return simulator.run(bench.mlp.images[:IMAGES], depths, dma_bytes_per_cycle=dma)


def test_a_patched_design_does_the_same_in_every_cycle(bench: Bench) -> None:
    patched = bench.variant("patched", _patch)
    changed = {
        path.name
        for path in (patched / "rtl" / "lib").iterdir()
        if path.read_text() != (bench.compiled / "rtl" / "lib" / path.name).read_text()
    }
    assert set(FILES) <= changed  # whatever is patched is in the design
    for dma in (0, 1):  # at full rate, and with pauses at both ends
        outputs, run = _simulated(bench, bench.compiled, dma)
        patched_outputs, patched_run = _simulated(bench, patched, dma)
        np.testing.assert_array_equal(patched_outputs, outputs)
        assert (patched_run.cycles, patched_run.latency_cycles) == (run.cycles, run.latency_cycles)


def test_every_patch_says_why() -> None:
    assert all(patch.name and patch.reason for patch in patches.PATCHES)


@pytest.mark.parametrize("file", FILES)
def test_a_source_that_a_patch_was_not_written_for_is_refused(file: str) -> None:
    text = _original(file)
    assert patches.fit(file, text) != text
    for patch in patches.PATCHES:
        for old in patch.changes if patch.file == file else ():
            with pytest.raises(StageError, match=f"{file} is not the one that the patch"):
                patches.fit(file, text.replace(old, "something else"))


def test_a_source_without_the_function_to_move_is_refused() -> None:
    text = _original("add_multi.sv").replace("init_leaf_loads", "loads")
    with pytest.raises(StageError, match=r"add_multi\.sv"):
        patches.fit("add_multi.sv", text)


def test_sources_without_patches_stay_as_they_are() -> None:
    assert patches.fit("axilite.sv", "module axilite; endmodule") == "module axilite; endmodule"
