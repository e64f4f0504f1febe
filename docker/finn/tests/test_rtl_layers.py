"""What stands for layers in HLS gives what FINN executes in Python, under any stalls."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp

from finn_worker.rtl import layers
from finn_worker.rtl.standins import LAYERS
from finn_worker.simulator_build import Sources, build
from stagekit import StageError

HARDWARE = "finn.custom_op.fpgadataflow"
CYCLES = 30_000
IMAGES = 4
RTL = Path(__file__).parent / "rtl"

Floats = npt.NDArray[np.float32]
Words = list[int]


@dataclass
class Case:
    """A layer with random inputs.

    Attributes:
        kind: Its operator, without a variant.
        attributes: Of the node.
        inputs: (shape, datatype) of each stream.
        outputs: (shape, datatype) of each stream.
        window: Pixels in a window, for layers that take windows channel by channel.
        weights: (shape, datatype) of constant weights.
        values: Given inputs, in place of random ones.
    """

    kind: str
    attributes: dict[str, Any]
    inputs: list[tuple[list[int], str]]
    outputs: list[tuple[list[int], str]]
    window: int = 0
    weights: tuple[list[int], str] | None = None
    values: list[Floats] = field(default_factory=list)

    def model(self, variant: str, rng: np.random.Generator) -> ModelWrapper:
        """A model of this layer alone."""
        ins = [f"in{index}" for index in range(len(self.inputs))]
        outs = [f"out{index}" for index in range(len(self.outputs))]
        tensors = dict(zip([*ins, *outs], [*self.inputs, *self.outputs], strict=True))
        infos = {
            name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, (shape, _) in tensors.items()
        }
        suffix = f"_{variant}" if variant else ""
        node = helper.make_node(
            self.kind + suffix,
            ins + (["weights"] if self.weights else []),
            outs,
            name=f"{self.kind}{suffix}_0",
            domain=HARDWARE + (f".{variant}" if variant else ""),
            backend="fpgadataflow",
            **self.attributes,
        )
        graph = helper.make_graph([node], "one", [infos[n] for n in ins], [infos[n] for n in outs])
        model = ModelWrapper(helper.make_model(graph))
        for name, (_, datatype) in tensors.items():
            model.set_tensor_datatype(name, DataType[datatype])
        if self.weights:
            shape, datatype = self.weights
            model.set_initializer("weights", integers(shape, datatype, rng))
            model.set_tensor_datatype("weights", DataType[datatype])
        return model


def integers(shape: list[int], datatype: str, rng: np.random.Generator) -> Floats:
    """Random ones, the extremes among them."""
    kind = DataType[datatype]
    values = rng.integers(int(kind.min()), int(kind.max()) + 1, shape)
    extreme = rng.choice([int(kind.min()), int(kind.max())], shape)
    return np.where(rng.random(shape) < 0.3, extreme, values).astype(np.float32)


def words(values: Floats, per_beat: int, bits: int) -> Words:
    """Beats of `per_beat` integers, the first in the least significant bits."""
    beats = values.astype(np.int64).reshape(-1, per_beat)
    return [
        sum((int(value) & ((1 << bits) - 1)) << (lane * bits) for lane, value in enumerate(beat))
        for beat in beats
    ]


def by_channel(values: Floats, window: int, pe: int) -> Floats:
    """Windows [..., window, C] in the order in which a depthwise generator gives them."""
    channels = values.shape[-1] // window
    parts = values.reshape(-1, window, channels // pe, pe)
    return np.asarray(parts.transpose(0, 2, 1, 3))


class Rig:
    """One simulation of many layers, each between sources and sinks that pause at random."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rtl: dict[str, str] = {"player.sv": (RTL / "stream_player.sv").read_text()}
        self.instances: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def add(self, case: Case) -> None:
        """Put one layer in."""
        number = len(self.instances)
        seed = 1000 + number
        python = case.model("", np.random.default_rng(seed))
        hls = case.model("hls", np.random.default_rng(seed))
        node = hls.graph.node[0]
        node.name = f"layer_{number}"
        written = layers.write(node, hls)
        self.rtl[written.source.name] = written.source.read_text()
        self.rtl[f"layer_{number}.v"] = written.wrapper
        for name, text in written.memories.items():
            (self.folder / name).write_text(text)
        layer = getCustomOp(node)
        rng = np.random.default_rng(seed + 1)
        taken: list[list[Floats]] = [[] for _ in case.inputs]
        given: list[list[Floats]] = [[] for _ in case.outputs]
        for image in range(IMAGES):
            feed = {
                f"in{index}": case.values[index][image]
                if case.values
                else integers(shape, datatype, rng)
                for index, (shape, datatype) in enumerate(case.inputs)
            }
            results = execute_onnx(python, feed)
            for index, values in enumerate(feed.values()):
                pe = case.attributes["PE"]
                ordered = by_channel(values, case.window, pe) if case.window else values
                taken[index].append(ordered.reshape(-1))
            for index in range(len(case.outputs)):
                given[index].append(np.asarray(results[f"out{index}"]).reshape(-1))
        text, pins = "", ""
        for side, streams in (("in", taken), ("out", given)):
            for index, stream in enumerate(streams):
                shape = getattr(layer, f"get_folded_{side}put_shape")(index)
                datatype = getattr(layer, f"get_{side}put_datatype")(index)
                beats = words(np.concatenate(stream), int(shape[-1]), datatype.bitwidth())
                assert len(beats) == IMAGES * math.prod(shape[:-1])
                width = int(getattr(layer, f"get_{side}stream_width_padded")(index))
                text += self._player(f"{side}{index}_{number}", side, number, width, beats)
                for signal, wire in (("TDATA", "dat"), ("TVALID", "vld"), ("TREADY", "rdy")):
                    pins += f", .{side}{index}_V_{signal}({wire}_{side}{index}_{number})"
        text += f"layer_{number} it_{number}(.ap_clk(clk), .ap_rst_n(!rst){pins});\n"
        sums = " + ".join(f"{{}}_out{index}_{number}" for index in range(len(given)))
        for what in ("different", "active"):
            text += f"assign {what}[{number}] = {sums.replace('{}', what)};\n"
        self.instances.append(text)

    def _player(self, name: str, side: str, number: int, width: int, beats: Words) -> str:
        (self.folder / f"{name}.hex").write_text("".join(f"{beat:x}\n" for beat in beats))
        text = f"wire [{width}-1:0] dat_{name}; wire vld_{name}, rdy_{name};\n"
        module, more = "stream_source", ""
        if side == "out":
            module, more = "stream_sink", f", .different(different_{name}), .active(active_{name})"
            text += f"wire [31:0] different_{name}, active_{name};\n"
        return text + (
            f'{module} #(.WIDTH({width}), .COUNT({len(beats)}), .FILE("{name}.hex")) {side}_{name}'
            f"(.clk, .rst, .dat(dat_{name}), .vld(vld_{name}), .rdy(rdy_{name}){more});\n"
        )

    def run(self) -> list[tuple[int, int]]:
        """(words that differed, words) of each layer."""
        count = len(self.instances)
        ports = ", ".join(
            f"output logic [31:0] {name}[{count}]" for name in ("different", "active")
        )
        top = f"module top(input logic clk, input logic rst, {ports});\n"
        self.rtl["top.sv"] = top + "".join(self.instances) + "endmodule : top\n"
        cpp = {"pairs.cpp": (RTL / "pairs.cpp").read_text()}
        sources = Sources(self.rtl, cpp, {}, "-O0")
        executable = build(sources, self.folder / "cache", self.folder, processes=2)
        command = [str(executable), str(CYCLES)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True)
        return [(int(a), int(b)) for a, b in (line.split() for line in done.stdout.splitlines())]


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
