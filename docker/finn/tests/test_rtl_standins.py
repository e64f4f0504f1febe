"""Each stand-in against FINN's own module: equal in every cycle, over random stimuli."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import finn
import numpy as np
import pytest

from finn_worker.rtl.patches import patch
from finn_worker.simulator_build import OWN_RTL, Sources, build

FINN_RTL = Path(str(finn.__file__)).parent / "finn-rtllib"
PAIRS = Path(__file__).parent / "rtl"
CYCLES = 30_000


def finn_module(path: str, rename: bool = True) -> tuple[str, str]:
    """File name and text of a module of FINN's, called finn_... beside its stand-in."""
    file = FINN_RTL / path
    text = patch(file.name, file.read_text(encoding="utf-8"))
    if rename:
        text = re.sub(
            rf"^(module|endmodule :) {file.stem}\b",
            rf"\1 finn_{file.stem}",
            text,
            flags=re.MULTILINE,
        )
    return f"finn_{file.name}", text


def own_module(path: str) -> tuple[str, str]:
    file = OWN_RTL / path
    return file.name, file.read_text(encoding="utf-8")


def top(pair: str, configurations: Sequence[Mapping[str, Any]]) -> str:
    """One instance of `pair` for each configuration."""
    count = len(configurations)
    text = (
        "module top(input logic clk, input logic rst, "
        f"output logic [31:0] different[{count}], output logic [31:0] active[{count}]);\n"
    )
    for i, values in enumerate(configurations):
        parameters = ", ".join(f".{name}({value})" for name, value in values.items())
        ports = f".clk(clk), .rst(rst), .different(different[{i}]), .active(active[{i}])"
        text += f"{pair} #({parameters}) pair_{i}({ports});\n"
    return text + "endmodule : top\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def compare(
    pair: str,
    configurations: Sequence[Mapping[str, Any]],
    modules: Sequence[tuple[str, str]],
    cache: Path,
    folder: Path,
    cycles: int = CYCLES,
) -> list[tuple[int, int]]:
    """(cycles that differed, transfers) of each configuration."""
    files = [*modules, (f"{pair}.sv", (PAIRS / f"{pair}.sv").read_text(encoding="utf-8"))]
    rtl = {**dict(files), "top.sv": top(pair, configurations)}
    cpp = dict([("pairs.cpp", (PAIRS / "pairs.cpp").read_text(encoding="utf-8"))])
    library = dict(own_module(name) for name in ("mvu_core.cpp", "mvu_core.h"))
    executable = build(Sources(rtl, cpp, library, "-O0"), cache, folder, processes=2)
    command = [str(executable), str(cycles)]
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in printed.splitlines()]
    assert len(lines) == len(configurations)
    return [(int(different), int(active)) for different, active in lines]


FIFO_MODULES = [finn_module("fifo/hdl/fifo.sv", rename=False), own_module("stream_fifo.sv")]


def test_fifo_of_every_kind_equals_finns(cache: Path, tmp_path: Path) -> None:
    depths = [2, 5, 6, 33, 34, 64, 65, 257, 258, 514, 600, 1100, 2028]
    configurations = [{"DEPTH": depth, "WIDTH": width} for depth in depths for width in (3, 16)]
    configurations += [{"DEPTH": depth, "WIDTH": 70} for depth in (2, 50, 300)]
    found = compare("fifo_pair", configurations, FIFO_MODULES, cache, tmp_path, 4 * CYCLES)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 2, configuration


def test_a_fifo_of_another_depth_is_told_apart(cache: Path, tmp_path: Path) -> None:
    configurations = [
        {"DEPTH": depth, "WIDTH": 8, "OUR_DEPTH": depth + by}
        for depth, by in ((9, 1), (100, -1), (257, 1))
    ]
    found = compare("fifo_pair", configurations, FIFO_MODULES, cache, tmp_path)
    assert all(different > 0 for different, _ in found)


def test_weight_memory_equals_finns(cache: Path, tmp_path: Path) -> None:
    modules = [finn_module("memstream/hdl/memstream.sv"), own_module("standins/memstream.sv")]
    rng = np.random.default_rng(0)
    configurations: list[dict[str, Any]] = []
    for depth, width in ((1, 8), (2, 3), (3, 64), (7, 16), (64, 33), (100, 200)):
        name = f"weights_{depth}_{width}.dat"
        words = ["".join(rng.choice(list("0123456789abcdef"), 50)) for _ in range(depth)]
        numbers = (int(word, 16) % 2**width for word in words)
        (tmp_path / name).write_text("".join(f"{number:x}\n" for number in numbers))
        configurations.append({"DEPTH": depth, "WIDTH": width, "INIT_FILE": f'"{name}"'})
    found = compare("memstream_pair", configurations, modules, cache, tmp_path)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 2, configuration


def write_thresholds(
    folder: Path, prefix: str, k: int, n: int, c: int, pe: int, signed: bool
) -> None:
    """Random thresholds as FINN lays them out: a file for each PE and step of the search."""
    rng = np.random.default_rng(n * c + pe)
    low = -(2 ** (k - 1)) if signed else 0
    thresholds = np.sort(rng.choice(np.arange(low, low + 2**k), (c, n), replace=True), axis=1)
    steps = n.bit_length()
    padded = np.full((c, 2**steps - 1), low + 2**k - 1)
    padded[:, :n] = thresholds
    for lane in range(pe):
        for step in range(steps):
            half = 2 ** (steps - 1 - step)
            chosen = padded[lane::pe, half - 1 :: 2 * half].reshape(-1) % 2**k
            text = "".join(f"{number:x}\n" for number in chosen)
            (folder / f"{prefix}threshs_{lane}_{step}.dat").write_text(text)


def test_thresholding_equals_finns(cache: Path, tmp_path: Path) -> None:
    modules = [
        finn_module("thresholding/hdl/thresholding.sv"),
        own_module("standins/thresholding.sv"),
    ]
    configurations: list[dict[str, Any]] = []
    for bits, k, c, pe, signed, deep in (
        (2, 18, 8, 2, 1, 1), (2, 7, 6, 1, 1, 1), (3, 9, 4, 4, 1, 0), (4, 12, 12, 3, 1, 1),
        (4, 8, 5, 5, 0, 1), (8, 17, 4, 1, 1, 1), (8, 20, 6, 2, 0, 0), (1, 6, 3, 1, 1, 1),
    ):  # fmt: skip
        for missing in {0, (2**bits - 1) // 3}:
            n = 2**bits - 1 - missing
            prefix = f"t{len(configurations)}_"
            write_thresholds(tmp_path, prefix, k, n, c, pe, bool(signed))
            bias = -(2 ** (bits - 1)) if signed else 0
            configurations.append({
                "K": k, "N": n, "C": c, "PE": pe, "SIGNED": signed, "BIAS": bias,
                "DEEP_PIPELINE": deep, "THRESHOLDS_PATH": f'"./{prefix}"',
            })  # fmt: skip
    found = compare("thresholding_pair", configurations, modules, cache, tmp_path)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 10, configuration


MVU_MODULES = [
    finn_module("mvu/mvu_pkg.sv", rename=False),
    finn_module("mvu/add_multi.sv", rename=False),
    finn_module("mvu/mvu.sv"),
    own_module("standins/mvu.sv"),
]


def mvu(pe: int, simd: int, weights: int, activations: int, signed: int = 1, narrow: int = 1,
        version: int = 1) -> dict[str, int]:  # fmt: skip
    return {
        "VERSION": version, "PE": pe, "SIMD": simd, "WEIGHT_WIDTH": weights,
        "ACTIVATION_WIDTH": activations, "SIGNED_ACTIVATIONS": signed, "NARROW_WEIGHTS": narrow,
    }  # fmt: skip


def test_compute_core_equals_finns(cache: Path, tmp_path: Path) -> None:
    # Every weight and activation width of 2..8, and the layouts of PE and SIMD that change FINN's
    # packing into DSP slices or its adder trees.
    configurations = [mvu(3, 4, w, a) for w in range(2, 9) for a in (2, w, 8)]
    configurations += [mvu(2, 5, w, 8, signed=0) for w in range(2, 9)]
    configurations += [mvu(1, 1, 2, 2), mvu(5, 1, 4, 4), mvu(5, 1, 8, 8), mvu(2, 8, 2, 8, signed=0)]
    configurations += [mvu(7, 3, 2, 3, narrow=0), mvu(2, 3, 8, 8, narrow=0, version=2)]
    configurations += [mvu(8, 8, 2, 2), mvu(10, 8, 2, 2), mvu(2, 64, 2, 8, signed=0)]
    found = compare("mvu_pair", configurations, MVU_MODULES, cache, tmp_path, CYCLES // 3)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 30, configuration
