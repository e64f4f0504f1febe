"""Each stand-in against FINN's own module: equal in every cycle, over random stimuli."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finn_worker import simulator_build
from finn_worker.compiler import find_compiler, run
from finn_worker.rtl.patches import patch
from finn_worker.rtl.standins import STANDINS, Limit
from finn_worker.simulator_build import Sources, build
from pairs import CYCLES, RTL, compare, finn_module, own_module
from stagekit import StageError


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


FIFO_MODULES = [finn_module("fifo/hdl/fifo.sv", rename=False), own_module("stream_fifo.sv")]


def test_fifo_of_every_kind_equals_finns(cache: Path, tmp_path: Path) -> None:
    depths = [2, 5, 6, 33, 34, 64, 65, 257, 258, 514, 600, 1100, 2028]
    configurations = [{"DEPTH": depth, "WIDTH": width} for depth in depths for width in (8, 16)]
    # FINN chooses by the width, too: below 5 bits, and below 12
    narrow = [(257, 1), (258, 4), (300, 2), (257, 5), (258, 5), (300, 9), (64, 9), (65, 11)]
    narrow += [(64, 12), (65, 12), (258, 3), (2028, 4)]
    configurations += [{"DEPTH": depth, "WIDTH": width} for depth, width in narrow]
    configurations += [{"DEPTH": depth, "WIDTH": 70} for depth in (2, 50, 300)]
    found = compare("fifo_pair", configurations, FIFO_MODULES, cache, tmp_path, 4 * CYCLES)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 2, configuration


def test_fifo_of_ultra_ram_equals_finns(cache: Path, tmp_path: Path) -> None:
    """A fifth of them as deep as their memory is rounded to, or one more; two cascades."""
    depths = [2029, 2064, 2065, 2066, 4113, 4114, 5000, 8210, 8300, 12305, 12306, 24000, 33000]
    configurations = [
        {"DEPTH": depth, "WIDTH": 8, "MAX_DEPTH": max(depth, 4096), "CHANGE": 15}
        for depth in depths
    ]
    configurations += [{"DEPTH": 2500, "WIDTH": 72, "MAX_DEPTH": 65536, "CHANGE": 4}]
    cycles = 20 * CYCLES
    found = compare("fifo_pair", configurations, FIFO_MODULES, cache, tmp_path, cycles)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > cycles / 8, configuration


def test_a_fifo_of_another_depth_is_told_apart(cache: Path, tmp_path: Path) -> None:
    configurations = [
        {"DEPTH": depth, "WIDTH": 8, "OUR_DEPTH": depth + by}
        for depth, by in ((9, 1), (100, -1), (257, 1))
    ]
    configurations += [{"DEPTH": 2028, "WIDTH": 8, "OUR_DEPTH": 2029, "MAX_DEPTH": 4096}]
    found = compare("fifo_pair", configurations, FIFO_MODULES, cache, tmp_path)
    assert all(different > 0 for different, _ in found)


def test_width_converter_equals_finns(cache: Path, tmp_path: Path) -> None:
    modules = [
        finn_module("dwc/hdl/vpc.sv", rename=False),
        finn_module("dwc/hdl/dwc_axi.sv"),
        own_module("standins/dwc_axi.sv"),
    ]
    widths = [(2, 8), (8, 2), (2, 4), (4, 2), (3, 9), (10, 5), (2, 32), (32, 2), (8, 160), (200, 8)]
    widths += [(4, 6), (6, 4), (64, 36), (36, 64), (24, 16), (9, 7), (7, 9), (65, 130), (130, 65)]
    widths += [(1, 8), (8, 1), (1, 2), (2, 1), (5, 5), (1, 1), (3, 2), (2, 3), (33, 44)]
    configurations = [{"IBITS": i, "OBITS": o} for i, o in widths]
    found = compare("dwc_pair", configurations, modules, cache, tmp_path)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 10, configuration


def test_weight_memory_equals_finns(cache: Path, tmp_path: Path) -> None:
    modules = [finn_module("memstream/hdl/memstream.sv"), own_module("standins/memstream.sv")]
    rng = np.random.default_rng(0)
    configurations: list[dict[str, Any]] = []
    for depth, width in ((1, 8), (2, 3), (3, 64), (7, 16), (64, 33), (100, 200), (5000, 2048)):
        name = f"weights_{depth}_{width}.dat"
        numbers = (int.from_bytes(rng.bytes(width // 8 + 1)) % 2**width for _ in range(depth))
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
    kind = np.int64 if signed else np.uint64
    thresholds = np.sort(rng.integers(low, low + 2**k, (c, n), kind), axis=1)
    steps = n.bit_length()
    padded = np.full((c, 2**steps - 1), low + 2**k - 1, kind)
    padded[:, :n] = thresholds
    for lane in range(pe):
        for step in range(steps):
            half = 2 ** (steps - 1 - step)
            chosen = padded[lane::pe, half - 1 :: 2 * half].reshape(-1)
            text = "".join(f"{int(number) % 2**k:x}\n" for number in chosen)
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
        (1, 2, 2, 1, 1, 0), (2, 2, 4, 2, 0, 1), (2, 64, 6, 2, 1, 1), (3, 64, 3, 3, 0, 0),
        (2, 33, 2, 1, 1, 1), (16, 24, 2, 1, 1, 1), (16, 17, 2, 2, 0, 0),
    ):  # fmt: skip
        for missing in {0, (2**bits - 1) // 3}:
            n = 2**bits - 1 - missing
            prefix = f"t{len(configurations)}_"
            write_thresholds(tmp_path, prefix, k, n, c, pe, bool(signed))
            for bias in {-(2 ** (bits - 1)) if signed else 0, -1 if missing else 5}:
                configurations.append({
                    "K": k, "N": n, "C": c, "PE": pe, "SIGNED": signed, "BIAS": bias,
                    "DEEP_PIPELINE": deep, "THRESHOLDS_PATH": f'"./{prefix}"',
                })  # fmt: skip
    asked = [{"SETS": 1, "FPARG": 0, "USE_AXILITE": 0, "WT": c["K"]} | c for c in configurations]
    assert_covered("thresholding.sv", asked)
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
        version: int = 1, **more: int) -> dict[str, int]:  # fmt: skip
    return {
        "VERSION": version, "PE": pe, "SIMD": simd, "WEIGHT_WIDTH": weights,
        "ACTIVATION_WIDTH": activations, "SIGNED_ACTIVATIONS": signed, "NARROW_WEIGHTS": narrow,
    } | more  # fmt: skip


def test_compute_core_equals_finns(cache: Path, tmp_path: Path) -> None:
    # Every weight and activation width of 2..8, and the layouts of PE and SIMD that change FINN's
    # packing into DSP slices or its adder trees.
    configurations = [mvu(3, 4, w, a) for w in range(2, 9) for a in (2, w, 8)]
    configurations += [mvu(2, 5, w, 8, signed=0) for w in range(2, 9)]
    configurations += [mvu(1, 1, 2, 2), mvu(5, 1, 4, 4), mvu(5, 1, 8, 8), mvu(2, 8, 2, 8, signed=0)]
    configurations += [mvu(7, 3, 2, 3, narrow=0), mvu(2, 3, 8, 8, narrow=0, version=2)]
    configurations += [mvu(8, 8, 2, 2), mvu(10, 8, 2, 2), mvu(2, 64, 2, 8, signed=0)]
    # Of 2 bits, as many as are summed without being unpacked, and one more or fewer
    configurations += [mvu(pe, simd, 2, 2, signed, narrow=0)
                       for pe, simd in ((3, 4), (5, 8), (3, 16), (2, 32), (3, 64), (2, 12), (3, 6))
                       for signed in (0, 1)]  # fmt: skip
    # Up to the limits, with sums that need more than 32 bits within a beat
    configurations += [mvu(3, 4, 16, a, s, n, v) for a, s in ((16, 1), (15, 0), (2, 1), (2, 0))
                       for n, v in ((0, 1), (1, 2))]  # fmt: skip
    configurations += [mvu(2, 3, w, 16) for w in (2, 9, 13)] + [mvu(2, 3, 9, 15, 0, version=2)]
    configurations += [mvu(2, 2, 4, 4, ACCU_WIDTH=48), mvu(3, 1, 2, 2, ACCU_WIDTH=3, MOST=1)]
    asked = [{"PUMPED_COMPUTE": 0, "ACCU_WIDTH": 30} | c for c in configurations]
    assert_covered("mvu.sv", asked)
    found = compare("mvu_pair", configurations, MVU_MODULES, cache, tmp_path, CYCLES // 3)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 30, configuration


def test_packed_sums_are_exact_however_long(tmp_path: Path) -> None:
    names = ("mvu_core.cpp", "mvu_core.h")
    for name, text in (own_module(name) for name in names):
        (tmp_path / name).write_text(text)
    driver = (RTL / "mvu_core_sums.cpp").read_text()
    (tmp_path / "sums.cpp").write_text(driver)
    compiler = find_compiler()
    options = ["-std=gnu++17", "-O3", "sums.cpp", "mvu_core.cpp", "-o", "sums"]
    compiler.run_all([options], tmp_path, 1)
    for pe, simd in ((1, 4), (7, 4), (3, 8), (5, 16), (2, 32), (3, 64), (2, 96), (7, 12), (3, 6)):
        for signed in (0, 1):
            for row in (1, 999, 1000, 1001, 3000):
                shape = [str(number) for number in (pe, simd, signed, row)]
                printed = run([str(tmp_path / "sums"), *shape])
                assert printed.split() == ["0", str(11 * pe)], shape


def assert_covered(file: str, configurations: Sequence[Mapping[str, Any]]) -> None:
    """Every limit of a stand-in is reached and none is exceeded."""
    for limit in STANDINS[file].limits:
        values = {limit.value(configuration) for configuration in configurations}
        assert (min(values), max(values)) == (limit.least, limit.most), limit.text


MVU = mvu(2, 2, 4, 4) | {"ACCU_WIDTH": 12}
MEMORY = {"SETS": 1, "DEPTH": 4, "WIDTH": 8, "INIT_FILE": '"weights.dat"'}
THRESHOLDS = {
    "K": 8, "N": 3, "C": 4, "PE": 2, "SETS": 1, "FPARG": 0, "USE_CONFIG": 0,
    "THRESHOLDS_PATH": '"./t_"',
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "beyond", "reason"),
    [
        ("mvu", MVU | {"VERSION": 3}, "only DSP48E1"),
        ("mvu", MVU | {"WEIGHT_WIDTH": 17, "ACCU_WIDTH": 30}, "weights have 2 to 16 bits"),
        ("mvu", MVU | {"WEIGHT_WIDTH": 1}, "weights have 2 to 16 bits"),
        ("mvu", MVU | {"ACTIVATION_WIDTH": 17, "ACCU_WIDTH": 30}, "activations have 2 to 16"),
        ("mvu", MVU | {"ACTIVATION_WIDTH": 16, "SIGNED_ACTIVATIONS": 0}, "activations have 2 to"),
        ("mvu", MVU | {"ACCU_WIDTH": 49}, "sums have 3 to 48 bits"),
        ("memstream", MEMORY | {"SETS": 2}, "only one set"),
        ("memstream", MEMORY | {"INIT_FILE": '""'}, "read from a file"),
        ("thresholding", THRESHOLDS | {"SETS": 2}, "only one set"),
        ("thresholding", THRESHOLDS | {"N": 65536}, "1 to 65535 thresholds"),
        ("thresholding", THRESHOLDS | {"K": 65}, "2 to 64 bits"),
        ("thresholding", THRESHOLDS | {"FPARG": 1}, "no floating-point"),
        ("thresholding", THRESHOLDS | {"USE_CONFIG": 1}, "written at run time"),
        ("thresholding", THRESHOLDS | {"PE": 3}, "PE does not divide"),
    ],
)
def test_a_stand_in_stops_the_build_beyond_what_it_is_proven_for(
    module: str, beyond: Mapping[str, Any], reason: str, cache: Path, tmp_path: Path
) -> None:
    file, text = own_module(f"standins/{module}.sv")
    parameters = ", ".join(f".{name}({value})" for name, value in beyond.items())
    ports = re.findall(r"^\t(?:in|out)put\s.*?(\w+),?$", text, re.MULTILINE)
    pins = ", ".join(f".{port}('0)" for port in ports if re.search(rf"input.*\b{port}\b", text))
    open_pins = "".join(f", .{port}()" for port in ports if f".{port}(" not in pins)
    instance = f"module top();\n{module} #({parameters}) it({pins}{open_pins});\nendmodule\n"
    sources = Sources({file: text, "top.sv": instance}, {}, {}, "-O0")
    with pytest.raises(StageError, match=f"{module} stand-in: .*{reason}"):
        build(sources, cache, tmp_path, processes=1)


def test_other_warnings_are_left_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "top.sv").write_text(
        'module top(input logic [3:0] a, output logic b);\n$warning("look here");\n'
        "assign b = a[4];\nendmodule\n"
    )
    simulator_build._verilate(["top.sv"], tmp_path)
    assert "%Warning-USERWARN: top.sv:2:1: look here" in (log := capfd.readouterr().err)
    assert "%Warning-SELRANGE: top.sv:3" in log


@pytest.mark.parametrize("warning", simulator_build.WRONG_NUMBERS)
def test_verilator_knows_every_warning_that_ends_the_build(warning: str, tmp_path: Path) -> None:
    (tmp_path / "top.sv").write_text("module top();\nendmodule\n")
    simulator_build._verilate([f"-Wwarn-{warning}", "top.sv"], tmp_path)


@pytest.mark.parametrize("system_task", ['$error("no %0d", 1)', '$fatal(1, "no %0d", 1)'])
def test_a_module_that_refuses_its_parameters_ends_the_build(
    system_task: str, cache: Path, tmp_path: Path
) -> None:
    for excuse in ("", patch("any.sv", "")):
        top = f"{excuse}module top();\nif(1)  {system_task};\nendmodule\n"
        with pytest.raises(StageError, match=r"%Error-USER(ERROR|FATAL): top.sv:2:8: no 1"):
            build(Sources({"top.sv": top}, {}, {}), cache, tmp_path, processes=1)


def test_a_limit_is_told_in_singular_and_plural() -> None:
    limit = Limit("weights of {} bits", len, 2, 8)
    assert [limit.told(bits) for bits in (1, 9)] == ["weights of 1 bit", "weights of 9 bits"]
    assert Limit("DSP slices of version {}", len, 1, 2).told(3) == "DSP slices of version 3"
