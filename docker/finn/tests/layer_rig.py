"""Many layers in Verilog in one simulation, each beside what FINN executes in Python."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp

from finn_worker.rtl import layers
from pairs import CYCLES, RTL, simulate

HARDWARE = "finn.custom_op.fpgadataflow"
IMAGES = 4

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


def _executed(
    case: Case, model: ModelWrapper, rng: np.random.Generator
) -> tuple[list[Floats], list[Floats]]:
    """What each input takes and each output gives, of all images in the order of the hardware."""
    taken: list[list[Floats]] = [[] for _ in case.inputs]
    given: list[list[Floats]] = [[] for _ in case.outputs]
    for image in range(IMAGES):
        feed = {
            f"in{index}": case.values[index][image]
            if case.values
            else integers(shape, datatype, rng)
            for index, (shape, datatype) in enumerate(case.inputs)
        }
        results = execute_onnx(model, feed)
        for stream, values in zip(taken, feed.values(), strict=True):
            pe = case.attributes["PE"]
            ordered = by_channel(values, case.window, pe) if case.window else values
            stream.append(ordered.reshape(-1))
        for index, stream in enumerate(given):
            stream.append(np.asarray(results[f"out{index}"]).reshape(-1))
    return [np.concatenate(each) for each in taken], [np.concatenate(each) for each in given]


class Rig:
    """One simulation of many layers, each between sources and sinks that pause at random."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rtl: dict[str, str] = {"player.sv": (RTL / "stream_player.sv").read_text()}
        self.instances: list[str] = []

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
        executed = _executed(case, python, np.random.default_rng(seed + 1))
        text, pins = "", ""
        for side, streams in zip(("in", "out"), executed, strict=True):
            for index, stream in enumerate(streams):
                shape = getattr(layer, f"get_folded_{side}put_shape")(index)
                datatype = getattr(layer, f"get_{side}put_datatype")(index)
                beats = words(stream, int(shape[-1]), datatype.bitwidth())
                assert len(beats) == IMAGES * math.prod(shape[:-1])
                width = int(getattr(layer, f"get_{side}stream_width_padded")(index))
                text += self._player(f"{side}{index}_{number}", side, number, width, beats)
                for signal, wire in (("TDATA", "dat"), ("TVALID", "vld"), ("TREADY", "rdy")):
                    pins += f", .{side}{index}_V_{signal}({wire}_{side}{index}_{number})"
        text += f"layer_{number} it_{number}(.ap_clk(clk), .ap_rst_n(!rst){pins});\n"
        sums = " + ".join(f"{{}}_out{index}_{number}" for index in range(len(case.outputs)))
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
        return simulate(self.rtl, self.instances, CYCLES, self.folder, self.folder / "cache")
