"""Models as users have them: put together from ONNX' and QONNX' operators, with their data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from compile_stage import SPEC
from contract.finn import compile, simulate
from contract.stage import Stage
from contract.stages import imported
from finn_worker.compile import compile_model
from finn_worker.imported.stage import import_model
from finn_worker.simulate import simulate as simulate_images
from stage_runs import Ran, new_request, run

QONNX = "qonnx.custom_op.general"
PIXELS = {"datatype": "UINT8", "scale": 1 / 255, "zero_point": 0}
IMPORT = {"golden_images": 20, "input": "auto", "outputs": "auto"}
IMAGES = 20


@dataclass
class Given:
    """A model that is put together node by node."""

    seed: int = 1
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    annotated: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def constant(self, values: Any, dtype: Any = np.float32, name: str = "") -> str:
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def __call__(
        self, kind: str, *inputs: str, domain: str = "", name: str = "", **more: Any
    ) -> str:
        """Add a node; its first output."""
        names = [f"t{len(self.nodes)}_{nth}" for nth in range(more.pop("outputs", 1))]
        self.nodes.append(helper.make_node(kind, inputs, names, name=name, domain=domain, **more))
        return names[0]

    def quant(self, tensor: str, scale: Any, bits: int, zero: float = 0.0, **more: Any) -> str:
        attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"} | more
        operands = [self.constant(each) for each in (scale, zero, bits)]
        return self("Quant", tensor, *operands, domain=QONNX, **attributes)

    def bipolar(self, tensor: str, scale: float = 1.0) -> str:
        return self("BipolarQuant", tensor, self.constant(scale), domain=QONNX)

    def thresholds(self, tensor: str, levels: Any, datatype: str, **more: Any) -> str:
        levels = self.constant(levels)
        return self("MultiThreshold", tensor, levels, domain=QONNX, out_dtype=datatype, **more)

    def weights(self, *shape: int, bits: int = 2, scale: float = 0.25) -> str:
        """Quantized weights in a narrow range."""
        if bits == 1:
            return self.bipolar(self.constant(self.rng.normal(size=shape)))
        values = self.constant(self.rng.normal(size=shape) * scale)
        return self.quant(values, scale, bits, narrow=1)

    def whole(self, *shape: int, datatype: str = "BIPOLAR") -> str:
        """Weights in FINN's dialect."""
        values = self.rng.choice([-1, 1] if datatype == "BIPOLAR" else [0, 1], shape)
        name = self.constant(values)
        self.annotated[name] = datatype
        return name

    def norm(self, tensor: str, channels: int, spread: float = 1.0) -> str:
        """A BatchNormalization with scales of both signs."""
        gain = self.rng.uniform(0.5, 1.5, channels) * self.rng.choice([-1, 1], channels)
        moments = (
            gain,
            self.rng.normal(size=channels) / 4,
            self.rng.normal(size=channels) * spread,
        )
        names = [self.constant(each) for each in (*moments, np.full(channels, spread**2))]
        return self("BatchNormalization", tensor, *names, epsilon=1e-5)

    def proto(
        self,
        output: str,
        shape: list[Any],
        *more: str,
        kind: int = TensorProto.FLOAT,
        extra_inputs: bool = False,
        opset: int = 13,
    ) -> onnx.ModelProto:
        source = [helper.make_tensor_value_info("x", kind, shape)]
        if extra_inputs:
            source += [
                helper.make_tensor_value_info(each.name, each.data_type, list(each.dims))
                for each in self.constants
            ]
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "c"])
            for name in (output, *more)
        ]
        graph = helper.make_graph(self.nodes, "given", source, ends, self.constants)
        for tensor, datatype in self.annotated.items():
            found = graph.quantization_annotation.add(tensor_name=tensor)
            found.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)
        domains = {node.domain for node in self.nodes} - {"", "finn.custom_op.general"}
        opsets = [helper.make_opsetid(name, 1) for name in sorted(domains)]
        opsets.append(helper.make_opsetid("", opset))
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@dataclass
class Runs:
    """The stages, on one model, below one folder."""

    root: Path

    def run(self, stage: Stage, function: Any, spec: Any, **inputs: Path) -> Ran:
        request = new_request(self.root / stage.name, stage, spec, inputs, self.root / "cache")
        return run(function, request)

    def keep(
        self,
        model: onnx.ModelProto | bytes,
        images: npt.NDArray[Any],
        labels: Any = None,
        quantization: Any = None,
    ) -> dict[str, Path]:
        """What the stages `model` and `dataset` leave."""
        folders = {name: self.root / name for name in ("model", "dataset")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        content = model if isinstance(model, bytes) else model.SerializeToString()
        (folders["model"] / "model.onnx").write_bytes(content)
        known = {} if labels is None else {"labels": np.asarray(labels, np.uint8)}
        np.savez(folders["dataset"] / "test.npz", images=images, **known)
        metrics = {
            "classes": 0 if labels is None else int(max(labels)) + 1,
            "channels": images.shape[1],
            "quantization": quantization or PIXELS,
        }
        (folders["dataset"] / "metrics.json").write_text(json.dumps(metrics))
        return folders

    def read(self, model: Any, images: Any, *data: Any, **spec: Any) -> Ran:
        """The import stage."""
        folders = self.keep(model, images, *data)
        return self.run(imported.STAGE, import_model, IMPORT | spec, **folders)

    def compile(self, given: Path, **changes: Any) -> Ran:
        """The compile stage, with FINN+'s search for a folding."""
        spec = SPEC | {"folding": None, "target_fps": 20_000.0} | changes
        return self.run(compile.STAGE, compile_model, spec, export=given)

    def simulate(self, given: Path, compiled: Path, images: int = IMAGES) -> Ran:
        """The simulate stage, with FIFOs of 8 items."""
        design = json.loads((compiled / "design.json").read_text())
        sized = self.root / "size"
        sized.mkdir()
        fifos = [{"stream": each["name"], "depth": 8} for each in design["streams"]]
        metrics = {"fifos": fifos, "ii_sized": 1.0, "ii_unsized": None}
        (sized / "metrics.json").write_text(json.dumps(metrics))
        spec = {"images": images, "exact": False, "trace_images": 0}
        inputs = {"export": given, "compile": compiled, "size": sized}
        return self.run(simulate.STAGE, simulate_images, spec, **inputs)
