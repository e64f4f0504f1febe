"""The front part of a compilation: from the exported model to the graph of hardware layers.

What is the same for all foldings of a network; `compile` goes on from here, `inspect` ends here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_shapes import InferShapes

from finn_worker import (
    canonical,
    known_faults,
    steps,
    streamlined_cache,
    streamlining,
    unsupported,
    unsupported_exports,
)
from finn_worker.kept import Cache
from finn_worker.postprocess import Postprocess, extract
from finn_worker.verification import Verifier
from stagekit import Infeasible, Reporter, StageError, of_the_disk

STREAMLINING: tuple[tuple[str, Callable[[ModelWrapper], ModelWrapper]], ...] = (
    ("QONNX to FINN", steps.qonnx_to_finn),
    ("tidy up", steps.tidy_up),
    ("streamline", streamlining.streamline),
)
STEP_COUNT = len(STREAMLINING) + 4


class Flow:
    """Applies steps one after the other and tells how far they have come."""

    def __init__(self, reporter: Reporter, verifier: Verifier, count: int) -> None:
        self.reporter = reporter
        self.verifier = verifier
        self._count = count
        self._done = 0

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one step; whatever FINN+ raises becomes a `StageError` that names the step."""
        self.reporter.progress(self._done, self._count, "step", name)
        try:
            with self.reporter.timed(name):
                result = function(*arguments)
        except (StageError, Infeasible):
            raise
        except Exception as error:  # FINN+ raises bare Exceptions and assertions, too
            if said := of_the_disk(error):
                raise said from error
            raise StageError(
                f"FINN+ stopped in step '{name}': {type(error).__name__}: {error}",
                "Compare the network with the supported layers; the log has FINN+'s traceback.",
            ) from error
        self._done += 1
        return result

    def skip(self, count: int) -> None:
        """Steps that need not be done."""
        self._done += count

    def finish(self) -> None:
        """Report the last step as done."""
        self.reporter.progress(self._done, self._count, "step", "done")


def streamlined(flow: Flow, export: Path, cache: Path) -> ModelWrapper:
    """The streamlined model, from the cache where another folding has left it there."""
    path = export / "model.onnx"
    if not path.is_file():
        raise StageError("The export holds no model.onnx.", "Run the export stage again.")
    entry = streamlined_cache.place(Cache(cache, flow.reporter.note), export)
    found = flow.step("look for the streamlined model", streamlined_cache.find, entry)
    if found is None:
        made = canonical.serialize(streamline(flow, path))
        return streamlined_cache.keep(entry, made, flow.verifier.steps)
    model, verified = found
    flow.skip(1 + len(STREAMLINING))
    flow.verifier.check_input(model)
    flow.verifier.limit_to(verified[-1]["images"])
    # The last step is verified once more: all that follows is held to what the model computes.
    flow.verifier.steps = verified[:-1]
    flow.verifier.close(verified[-1]["step"], model)
    return model


def streamline(flow: Flow, path: Path) -> ModelWrapper:
    """The exported model in the file `path`, streamlined and verified step by step."""
    model = flow.step("read the exported model", read, path)
    flow.verifier.check_input(model)
    flow.verifier.limit(model)
    unsupported_exports.check(model)
    flow.verifier.close("exported", model)
    flow.verifier.exported = model
    for name, function in STREAMLINING:
        model = flow.step(name, function, model)
        flow.verifier.close(name, model)
    return model


def read(path: Path) -> ModelWrapper:
    """The model, with names for its nodes that messages can use."""
    return ModelWrapper(str(path)).transform(InferShapes()).transform(GiveUniqueNodeNames())


def to_dataflow(
    flow: Flow, streamlined: ModelWrapper, scratch: Path
) -> tuple[ModelWrapper, Postprocess]:
    """The accelerator's graph and what the host does with its output."""
    return partition(flow, convert(flow, streamlined), scratch)


def convert(flow: Flow, streamlined: ModelWrapper) -> ModelWrapper:
    """The streamlined model as hardware layers, and what the host does around them."""
    name = "convert to hardware layers"
    model = flow.step(name, steps.convert_to_hardware, streamlined)
    unsupported.check_converted(model)
    flow.verifier.faults = known_faults.of_design(model)
    flow.verifier.equal(name, model, lambda logits: logits, accelerator=False)
    for fault in flow.verifier.faults:
        flow.reporter.note(fault)
    return model


def partition(
    flow: Flow, converted: ModelWrapper, scratch: Path
) -> tuple[ModelWrapper, Postprocess]:
    """The accelerator's graph, cut out of what `convert` left, and the host's share after it."""
    postprocess = extract(converted, flow.verifier.classes)
    name = "partition"
    dataflow = flow.step(name, steps.partition, converted, scratch)
    flow.verifier.equal(name, dataflow, postprocess)
    return dataflow, postprocess
