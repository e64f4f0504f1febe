"""What stands for layers in HLS gives what FINN executes in Python, under any stalls."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.datatype import DataType
from qonnx.custom_op.registry import getCustomOp

from finn_worker.rtl import layers
from finn_worker.rtl.standins import LAYERS
from layer_rig import IMAGES, Case, Floats, Rig
from stagekit import StageError


def pool(
    function: str, kernel: tuple[int, int], channels: int, pe: int, datatype: str, out: str = ""
) -> Case:
    window, dims = math.prod(kernel), [2, 3]
    if function == "AccPool":
        extreme = window * max(abs(DataType[datatype].min()), DataType[datatype].max())
        signed = DataType[datatype].signed()
        out = DataType.get_smallest_possible(-extreme if signed else extreme).name
    bits = DataType[datatype].bitwidth()
    most = (2**bits - 1) * window
    shift = max(0, int(most).bit_length() - DataType[out or datatype].bitwidth())
    return Case(
        "Pool",
        {
            "Channels": channels,
            "PE": pe,
            "KernelSize": list(kernel),
            "Function": function,
            "OutImgDims": dims,
            "InputDataType": datatype,
            "OutputDataType": out or datatype,
            "AccumBits": int(most).bit_length(),
            "Size": shift if function == "QuantAvgPool" else 1,
        },
        [([1, *dims, window * channels], datatype)],
        [([1, *dims, channels], out or datatype)],
        window=window,
    )


def vvau(kernel: tuple[int, int], channels: int, pe: int, datatype: str, weights: str) -> Case:
    window, dims = math.prod(kernel), [3, 2]
    return Case(
        "VVAU",
        {
            "PE": pe,
            "SIMD": 1,
            "Dim": dims,
            "Channels": channels,
            "Kernel": list(kernel),
            "inputDataType": datatype,
            "weightDataType": weights,
            "outputDataType": "INT24",
            "noActivation": 1,
        },
        [([1, *dims, window * channels], datatype)],
        [([1, *dims, channels], "INT24")],
        # Without a generator before it, FINN executes it on inputs in the order of the hardware.
        weights=([channels, 1, *kernel], weights),
    )


def duplicate(outputs: int, channels: int, pe: int, datatype: str) -> Case:
    shape = [1, 2, 2, channels]
    return Case(
        "DuplicateStreams",
        {
            "NumChannels": channels,
            "PE": pe,
            "NumOutputStreams": outputs,
            "inputDataType": datatype,
            "numInputVectors": shape[:-1],
        },
        [(shape, datatype)],
        [(shape, datatype)] * outputs,
    )


def add(channels: int, pe: int, left: str, right: str, out: str) -> Case:
    shape = [1, 3, 2, channels]
    return Case(
        "ElementwiseAdd",
        {
            "PE": pe,
            "lhs_dtype": left,
            "rhs_dtype": right,
            "out_dtype": out,
            "lhs_shape": shape,
            "rhs_shape": shape,
            "out_shape": shape,
        },
        [(shape, left), (shape, right)],
        [(shape, out)],
    )


def global_pool(size: tuple[int, int], channels: int, pe: int, datatype: str) -> Case:
    kind = DataType[datatype]
    extreme = math.prod(size) * (kind.min() if kind.signed() else kind.max())
    return Case(
        "GlobalAccPool",
        {
            "NumChannels": channels,
            "PE": pe,
            "inputDataType": datatype,
            "numInputVectors": [1, *size],
        },
        [([1, *size, channels], datatype)],
        [([1, 1, 1, channels], DataType.get_smallest_possible(extreme).name)],
    )


def label_select(labels: int, pe: int, datatype: str, values: list[Floats] | None = None) -> Case:
    out = "UINT8" if labels <= 256 else "UINT16"
    return Case(
        "LabelSelect",
        {"Labels": labels, "PE": pe, "K": 1, "inputDataType": datatype, "outputDataType": out},
        [([1, labels], datatype)],
        [([1, 1], out)],
        values=values or [],
    )


def tied(labels: int) -> list[Floats]:
    """Values among which several are the largest."""
    rng = np.random.default_rng(0)
    return [rng.integers(-2, 1, (IMAGES, 1, labels)).astype(np.float32)]


CASES: Mapping[str, list[Case]] = {
    "pool_layer.sv": [
        *(pool("MaxPool", k, c, pe, kind)
          for k, c, pe, kind in (((2, 2), 6, 1, "UINT4"), ((2, 2), 6, 3, "INT4"),
                                 ((3, 3), 4, 4, "INT2"), ((1, 1), 3, 1, "UINT8"),
                                 ((8, 8), 2, 2, "INT16"), ((2, 3), 8, 2, "BINARY"),
                                 ((2, 2), 32, 32, "UINT3"))),
        *(pool("AccPool", k, c, pe, kind)
          for k, c, pe, kind in (((2, 2), 4, 2, "UINT8"), ((3, 3), 3, 3, "INT5"),
                                 ((4, 4), 2, 1, "INT16"))),
        *(pool("QuantAvgPool", k, c, pe, kind, out)
          for k, c, pe, kind, out in (((2, 2), 4, 2, "UINT4", "UINT4"),
                                      ((4, 4), 3, 1, "UINT8", "UINT2"),
                                      ((7, 7), 2, 2, "INT6", "INT8"))),
    ],
    "vvau_layer.sv": [
        vvau(k, c, pe, kind, weights)
        for k, c, pe, kind, weights in (
            ((3, 3), 4, 1, "UINT4", "INT4"), ((3, 3), 6, 3, "INT4", "INT3"),
            ((1, 1), 5, 5, "UINT8", "INT8"), ((7, 7), 2, 2, "INT8", "INT8"),
            ((3, 1), 8, 2, "BINARY", "INT2"), ((2, 2), 4, 2, "UINT2", "UINT3"))
    ],
    "duplicate_streams_layer.sv": [
        duplicate(n, c, pe, kind)
        for n, c, pe, kind in ((2, 4, 1, "UINT4"), (3, 6, 6, "INT5"), (4, 8, 2, "UINT8"))
    ],
    "elementwise_add_layer.sv": [
        add(c, pe, left, right, out)
        for c, pe, left, right, out in (
            (4, 1, "UINT4", "UINT4", "UINT5"), (6, 3, "INT4", "UINT8", "INT10"),
            (3, 3, "BINARY", "INT2", "INT3"), (2, 2, "INT20", "INT20", "INT21"),
            (5, 1, "INT9", "BINARY", "INT10"))
    ],
    "global_acc_pool_layer.sv": [
        global_pool(size, c, pe, kind)
        for size, c, pe, kind in (
            ((4, 4), 6, 2, "UINT4"), ((1, 1), 3, 1, "INT5"), ((3, 5), 4, 4, "INT8"),
            ((2, 2), 8, 1, "BINARY"), ((32, 32), 2, 2, "UINT12"))
    ],
    "label_select_layer.sv": [
        *(label_select(labels, pe, kind) for labels, pe, kind in (
            (10, 1, "INT16"), (10, 5, "INT2"), (12, 12, "UINT8"), (300, 4, "INT24"),
            (1, 1, "INT4"))),
        label_select(10, 1, "INT4", tied(10)),
        label_select(10, 5, "INT4", tied(10)),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, int]]]:
    """(words that differed, words) of each case, by file; all in one simulation."""
    rig = Rig(tmp_path_factory.mktemp("rig"))
    for case in (case for cases in CASES.values() for case in cases):
        rig.add(case)
    results = iter(rig.run())
    return {file: [next(results) for _ in cases] for file, cases in CASES.items()}


@pytest.mark.parametrize("file", CASES)
def test_a_layer_gives_what_finn_executes(
    file: str, found: dict[str, list[tuple[int, int]]]
) -> None:
    for case, (different, active) in zip(CASES[file], found[file], strict=True):
        assert different == 0, case
        assert active >= IMAGES * len(case.outputs), case


def asked(case: Case) -> Mapping[str, Any]:
    hls = case.model("hls", np.random.default_rng(0))
    return layers._PARAMETERS[f"{case.kind}_hls"](
        hls.graph.node[0], getCustomOp(hls.graph.node[0])
    )[1]


@pytest.mark.parametrize("file", CASES)
def test_every_limit_is_reached_and_none_exceeded(file: str) -> None:
    parameters = [asked(case) for case in CASES[file]]
    for limit in LAYERS[file].limits:
        values = {limit.value(each) for each in parameters}
        assert (min(values), max(values)) == (limit.least, limit.most), limit.text


def test_there_is_a_test_for_each_layer_and_its_source() -> None:
    sources = {path.name for path in layers.FOLDER.glob("*.sv")}
    assert sources == set(LAYERS) == set(CASES)


@pytest.mark.parametrize(
    ("case", "change", "says"),
    [
        (CASES["pool_layer.sv"][0], {"Function": "AvgPool"}, "computes AvgPool"),
        (CASES["vvau_layer.sv"][0], {"SIMD": 3}, "several pixels of a window"),
        (CASES["vvau_layer.sv"][0], {"noActivation": 0}, "an activation of its own"),
        (CASES["elementwise_add_layer.sv"][0], {"rhs_style": "const"}, "adds a constant"),
        (CASES["elementwise_add_layer.sv"][0], {"rhs_shape": [1, 1, 1, 4]}, "of two shapes"),
        (CASES["label_select_layer.sv"][0], {"K": 5}, "the 5 largest labels"),
    ],
)
def test_variants_that_are_not_proven_are_refused(
    case: Case, change: dict[str, Any], says: str
) -> None:
    hls = case.model("hls", np.random.default_rng(0))
    layer = getCustomOp(hls.graph.node[0])
    for name, value in change.items():
        layer.set_nodeattr(name, value)
    with pytest.raises(StageError, match=says):
        layers.write(hls.graph.node[0], hls)


def test_a_wrong_value_is_noticed(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.add(CASES["pool_layer.sv"][0])
    rig.rtl["pool_layer.sv"] = rig.rtl["pool_layer.sv"].replace("a > x?", "a < x?")
    assert rig.run()[0][0] > 0
