"""What a folding chooses of layers besides PE and SIMD of the MVAUs, by their names.

Every setting is honoured, or is refused with what would do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from contract.finn.cores import DSP, LUT, contradicts
from contract.text import counted
from finn_worker import cores, legal
from finn_worker.implied import OF_WINDOWS
from finn_worker.legal import FOLDED_BY, kind_of
from stagekit import Infeasible

Settings = Mapping[str, Mapping[str, Any]]
"""Values by layer and attribute, both as FINN calls them in the graph before it is specialised."""

GENERATOR = "ConvolutionInputGenerator"
_DEPTHS = {"inFIFODepths": "input", "outFIFODepths": "output"}


def apply(model: ModelWrapper, chosen: Settings) -> set[str]:
    """Set what is `chosen`, in place.

    Args:
        model: Of layers that are not specialised yet, with the names that `chosen` has; its MVAUs
            are folded.
        chosen: PE and SIMD of MVAUs are set by `folding.apply`; depths of FIFOs are checked, and
            known to the size stage by `given_depths`.

    Returns:
        The names of the layers whose folding is chosen.

    Raises:
        Infeasible: Names every setting that cannot be, and what can be.
    """
    nodes = [node for node in model.graph.node if node.name in chosen]
    problems = [problem for node in nodes for problem in _misfits(model, node, chosen[node.name])]
    problems += _unequal(model, chosen)
    if problems:
        raise Infeasible(" ".join(problems))
    folded = set()
    for node in nodes:
        own = dict(chosen[node.name])
        if own.get("parallel_window") and not _is_depthwise(node):
            own.setdefault("SIMD", getCustomOp(node).get_nodeattr("IFMChannels"))
        _set(node, own)
        if FOLDED_BY.get(kind_of(node), ("",))[0] in own:
            folded.add(node.name)
    return folded


def of_search(model: ModelWrapper) -> Settings:
    """What of the other layers of a graph that FINN+ folded is kept: whole windows at once.

    Their PE and SIMD follow from the matrices; a VVAU takes one pixel at a time, so that its
    generator has no use for whole windows.

    Args:
        model: Specialised, its layers in the order of the graph before.
    """
    return {
        f"{GENERATOR}_{number}": {"parallel_window": 1}
        for number, node in enumerate(legal.of_kind(model, GENERATOR))
        if getCustomOp(node).get_nodeattr("parallel_window") and not _is_depthwise(node)
    }


def _set(node: Any, own: Mapping[str, Any]) -> None:
    layer = getCustomOp(node)
    for attribute, value in own.items():
        if attribute in _DEPTHS or (kind_of(node) == "MVAU" and attribute in {"PE", "SIMD"}):
            continue
        if attribute == "core":
            cores.mark(node, value)
            if value == LUT:
                # FINN+'s own layer of LUTs is built for the board.
                _set(node, {"resType": "lut"})
            continue
        layer.set_nodeattr(attribute, value)
        if (kind_of(node), attribute, value) == ("MVAU", "resType", "lut"):
            # In RTL, which FINN+ prefers from 4 bits up, an MVAU multiplies in DSP slices only.
            layer.set_nodeattr("preferred_impl_style", "hls")


def _misfits(model: ModelWrapper, node: Any, own: Mapping[str, Any]) -> Iterator[str]:
    """What of a layer's settings cannot be, and what can."""
    name, could = node.name, legal.values(node)
    for attribute in ("PE", "SIMD"):
        value = own.get(attribute)
        if value is None or kind_of(node) == "MVAU" or value in could.get(attribute, [value]):
            continue
        if (kind_of(node), attribute) == ("VVAU", "SIMD"):
            yield (
                f"{name}: SIMD {value} takes several pixels of a window at once, which is not "
                "proven in simulation; leave SIMD at 1."
            )
            continue
        would = ", ".join(map(str, could[attribute]))
        yield f"{name}: {attribute} {value} does not divide; {would} would."
    if own.get("parallel_window"):
        yield from _not_parallel(node, own)
    if own.get("core", DSP) != DSP:
        yield from _not_of_luts(model, node, own)
    for attribute, side in _DEPTHS.items():
        if attribute in own:
            yield from _not_as_many(model, node, side, attribute, own[attribute])


def _not_parallel(node: Any, own: Mapping[str, Any]) -> Iterator[str]:
    channels = getCustomOp(node).get_nodeattr("IFMChannels")
    if _is_depthwise(node):
        yield (
            f"{node.name}: parallel_window gives whole windows to a layer that takes one pixel at "
            "a time; leave it out."
        )
    elif own.get("SIMD", channels) != channels:
        yield f"{node.name}: parallel_window takes all channels at once; SIMD {channels} would do."


def _not_of_luts(model: ModelWrapper, node: Any, own: Mapping[str, Any]) -> Iterator[str]:
    if contradicts(own["core"], own.get("resType")):
        yield f"{node.name}: core '{LUT}' multiplies in LUTs, and resType 'dsp' does not; give one."
    for reason in cores.too_wide(model, node):
        yield f"{node.name}: its {reason}; leave core out."


def _not_as_many(
    model: ModelWrapper, node: Any, side: str, attribute: str, depths: Any
) -> Iterator[str]:
    tensors = node.output if side == "output" else node.input
    streams = [name for name in tensors if model.get_initializer(name) is None]
    if len(depths) != len(streams):
        yield (
            f"{node.name}: {attribute} gives {counted(len(depths), 'depth')}; one for each {side} "
            f"would do: {len(streams)}."
        )


def _unequal(model: ModelWrapper, chosen: Settings) -> Iterator[str]:
    """Layers of windows take them as wide as their generator gives them."""
    for node in model.graph.node:
        generator = model.find_producer(node.input[0]) if kind_of(node) in OF_WINDOWS else None
        if generator is None or kind_of(generator) != GENERATOR:
            continue
        given = chosen.get(generator.name, {}).get("SIMD")
        taken = chosen.get(node.name, {}).get("PE")
        if given is not None and taken is not None and given != taken:
            yield (
                f"{node.name}: PE {taken} has to be the SIMD of {generator.name}, which is "
                f"{given}; give both the same, or one of them."
            )


def _is_depthwise(generator: Any) -> bool:
    return bool(getCustomOp(generator).get_nodeattr("depthwise"))
