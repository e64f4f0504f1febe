"""Layers of which somebody published a figure, built anew with FINN+: one layer, no network.

Published rows state shapes, widths and folding; their weights and thresholds are not published, so
these are random here. A row of such a file:
`kind,MW,MH,PE,SIMD,weights,input,output,ram_style,lut,lutram,ff,bram36,bram18,dsp` (MVAU),
`kind,channels,PE,steps,input,output,lut,srl,ff,bram36,bram18` (Thresholding), or
`kind,channels,SIMD,ifm,ofm,kernel,stride,dilation,type,ram_style,lut,lutram,ff,bram18` (generator).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from finn_worker import steps
from finn_worker.calibration import older_mvau
from finn_worker.calibration.modules import Modules
from finn_worker.mapping import layers
from finn_worker.mapping.mapped import Resources, Source
from finn_worker.rtl.bundle import collect

Floats = npt.NDArray[np.float32]
Cells = Mapping[str, str]
CLOCK_MHZ = 100.0
MOST = 20_000_000
"""More of any resource than the largest part has."""
_DOMAIN = "finn.custom_op.fpgadataflow.rtl"


def read(file: Path) -> list[dict[str, str]]:
    """The rows of such a file, or of one that `compared.as_csv` wrote of such rows."""
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SystemExit(f"error: {file} is no CSV file: {error}.") from error
    if any("kind" not in row for row in rows):
        raise SystemExit(f"error: {file} has no column `kind`: it is no file of layers.")
    return [_of_compared(row) if "layer" in row else row for row in rows]


def _of_compared(row: Cells) -> dict[str, str]:
    """What `name` made of a row, and Vivado's counts beside it."""
    kind, *shape = row["layer"].split()
    counts = {name: row[f"{name}_vivado"] for name in ("lut", "lutram", "ff", "bram18", "dsp")}
    return {"kind": kind, **dict(pair.split("=") for pair in shape), **counts}


def published(row: Cells) -> Resources:
    """What Vivado says that the layer of a row takes.

    Raises:
        ValueError: One of the figures is none.
    """

    def number(*names: str) -> int:
        count = next((int(row[name]) for name in names if row.get(name)), 0)
        if not 0 <= count <= MOST:
            raise ValueError(f"{names[0]} = {count}: no part has so many")
        return count

    bram36 = number("bram36")
    return Resources(
        lut=number("lut"),
        lutram=number("lutram", "srl"),
        ff=number("ff"),
        bram18=number("bram18") + 2 * bram36,
        bram36=bram36,
        dsp=number("dsp"),
    )


def name(row: Cells) -> str:
    """What tells a row from others, such as `MVAU_rtl 9x3 PE3 SIMD3 INT4 INT8`."""
    figures = {"lut", "lutram", "srl", "ff", "bram18", "bram36", "dsp"}
    shape = [f"{key}={value}" for key, value in row.items() if key not in {*figures, "kind"}]
    return " ".join([row["kind"], *shape])


def sources(row: Cells, part: str, folder: Path, older: Modules | None) -> list[Source]:
    """The layer of a row as the mapper takes it, in one part or in two.

    Args:
        row: Of a file as described above.
        part: That it is generated for.
        folder: Empty; generated code goes there.
        older: Verilog of the FINN that the published layer was built with, where that is not the
            one of FINN+: an MVAU is then made of its core and its memory of weights.

    Raises:
        KeyError: Nothing here builds layers of that kind, or `older` lacks a module of it.
    """
    model = _MAKERS[row["kind"]](row, np.random.default_rng(0))
    model = steps.generate_rtl(model, part, CLOCK_MHZ)
    collect(model, folder)
    design = json.loads((folder / "design.json").read_text(encoding="utf-8"))
    (node,) = design["nodes"]
    if node["weights"] is None or older is None:
        return [layers.layer(node, design, folder / "rtl")]
    (memory,) = node["memories"]
    content = (folder / "rtl" / "memories" / memory).read_text(encoding="utf-8")
    return older_mvau.sources(row, content, older)


def _model(
    kind: str,
    shapes: tuple[list[int], list[int]],
    types: tuple[str, str],
    constant: tuple[Floats, str] | None,
    **attributes: Any,
) -> ModelWrapper:
    infos = [
        helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape)
        for tensor, shape in zip(("in0", "out0"), shapes, strict=True)
    ]
    inputs = ["in0", *(["values"] if constant else [])]
    node = helper.make_node(
        kind, inputs, ["out0"], name=f"{kind}_0", domain=_DOMAIN, backend="fpgadataflow",
        inputDataType=types[0], outputDataType=types[1], **attributes,
    )  # fmt: skip
    model = ModelWrapper(helper.make_model(helper.make_graph([node], "one", infos[:1], infos[1:])))
    for tensor, datatype in zip(("in0", "out0"), types, strict=True):
        model.set_tensor_datatype(tensor, DataType[datatype])
    if constant:
        values, datatype = constant
        model.set_initializer("values", values)
        model.set_tensor_datatype("values", DataType[datatype])
    return model


def _mvau(row: Cells, rng: np.random.Generator) -> ModelWrapper:
    mw, mh = int(row["MW"]), int(row["MH"])
    kind = DataType[row["weights"]]
    least = int(kind.min()) + int(kind.signed())  # FINN's core takes narrow weights
    weights = rng.integers(least, int(kind.max()) + 1, (mw, mh)).astype(np.float32)
    return _model(
        row["kind"], ([1, mw], [1, mh]), (row["input"], row["output"]), (weights, row["weights"]),
        MW=mw, MH=mh, PE=int(row["PE"]), SIMD=int(row["SIMD"]), weightDataType=row["weights"],
        accDataType=row["output"], ActVal=0, binaryXnorMode=0, noActivation=1,
        numInputVectors=[1], mem_mode="internal_decoupled", ram_style=row["ram_style"],
        resType="dsp", runtime_writeable_weights=0,
    )  # fmt: skip


def _thresholding(row: Cells, rng: np.random.Generator) -> ModelWrapper:
    channels, levels = int(row["channels"]), int(row["steps"])
    kind, out = DataType[row["input"]], DataType[row["output"]]
    span = (int(kind.min()), int(kind.max()) + 1)
    distinct = levels <= span[1] - span[0]
    thresholds = np.sort(
        np.stack([
            rng.choice(np.arange(*span), levels, replace=not distinct)
            if span[1] - span[0] < 2**20
            else rng.integers(*span, levels)
            for _ in range(channels)
        ])
    ).astype(np.float32)  # fmt: skip
    return _model(
        row["kind"], ([1, channels], [1, channels]), (row["input"], row["output"]),
        (thresholds, row["input"]), NumChannels=channels, PE=int(row["PE"]), numSteps=levels,
        weightDataType=row["input"], ActVal=int(out.min()), numInputVectors=[1],
        runtime_writeable_weights=0,
    )  # fmt: skip


def _generator(row: Cells, _: np.random.Generator) -> ModelWrapper:
    channels, size, out, kernel = (int(row[key]) for key in ("channels", "ifm", "ofm", "kernel"))
    stride, dilation = int(row["stride"]), int(row["dilation"])
    shapes = [1, size, size, channels], [1, out, out, kernel * kernel * channels]
    return _model(
        row["kind"], shapes, (row["type"], row["type"]), None, ConvKernelDim=[kernel, kernel],
        IFMChannels=channels, IFMDim=[size, size], OFMDim=[out, out], SIMD=int(row["SIMD"]), M=1,
        Stride=[stride, stride], Dilation=[dilation, dilation], depthwise=0, is1D=0,
        parallel_window=0, ram_style=row["ram_style"],
    )  # fmt: skip


_MAKERS = {
    "MVAU_rtl": _mvau,
    "Thresholding_rtl": _thresholding,
    "ConvolutionInputGenerator_rtl": _generator,
}
