"""What each stand-in for a module of FINN's is proven for, and layers beyond it.

`docker/finn/tests/test_rtl_standins.py` compares every stand-in with FINN's module up to these
limits, `test_rtl_layers.py` what stands for a layer in HLS with FINN's execution of it. They are
held to what generated wrappers ask for, before anything is built; the stand-ins of FINN's modules
refuse the same when they are elaborated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.text import counted
from stagekit import StageError

Parameters = Mapping[str, "int | str"]


@dataclass(frozen=True)
class Limit:
    """A quantity of a module, and from where to where the stand-in is proven.

    Attributes:
        text: Says the quantity, such as "weights of {} bits"; or what only a value of 1 has.
            See `told`.
        value: Computes it.
        least: Smallest value.
        most: Largest value.
        exact: Whether FINN's own module can be simulated beyond.
    """

    text: str
    value: Callable[[Parameters], int]
    least: int
    most: int
    exact: bool = True

    def told(self, value: int) -> str:
        """`text` with a value in it, and the noun behind that in singular or plural."""
        nouns = re.sub(r"\{\} (\w+)s\b", lambda match: counted(value, match[1]), self.text)
        return nouns.format(value)


@dataclass(frozen=True)
class StandIn:
    """A stand-in.

    Attributes:
        module: FINN's module around the one that it stands in for; wrappers instantiate it.
        limits: What it is proven for.
    """

    module: str
    limits: tuple[Limit, ...]


def _of(parameter: str) -> Callable[[Parameters], int]:
    return lambda parameters: int(parameters[parameter])


def _activation_bits(parameters: Parameters) -> int:
    return int(parameters["ACTIVATION_WIDTH"]) + 1 - int(parameters["SIGNED_ACTIVATIONS"])


def _is_empty(parameters: Parameters) -> int:
    return int(parameters["INIT_FILE"] == "")


_OF_A_PART = (
    Limit("DSP slices of version {}", _of("VERSION"), 1, 2, exact=False),
    Limit("pumped DSP slices", _of("PUMPED_COMPUTE"), 0, 0, exact=False),
)
STANDINS: Mapping[str, StandIn] = {
    "mvu.sv": StandIn(
        "mvu_vvu_axi",
        (
            *_OF_A_PART,
            Limit("weights of {} bits", _of("WEIGHT_WIDTH"), 2, 16),
            Limit("activations of {} bits", _of("ACTIVATION_WIDTH"), 2, 16),
            Limit("activations of {} bits with a sign", _activation_bits, 2, 16),
            Limit("sums of {} bits", _of("ACCU_WIDTH"), 3, 48, exact=False),
        ),
    ),
    # The same stand-in: the core of LUTs gives FINN's results in FINN's cycles.
    "mvu_lut.sv": StandIn(
        "mvu_vvu_axi_lut",
        (
            *_OF_A_PART,
            Limit("weights of {} bits", _of("WEIGHT_WIDTH"), 2, 8, exact=False),
            Limit("activations of {} bits", _of("ACTIVATION_WIDTH"), 2, 8, exact=False),
            Limit("sums of {} bits", _of("ACCU_WIDTH"), 3, 48, exact=False),
        ),
    ),
    "memstream.sv": StandIn(
        "memstream_axi",
        (
            Limit("{} sets of weights", _of("SETS"), 1, 1, exact=False),
            Limit("pumped weights", _of("PUMPED_MEMORY"), 0, 0, exact=False),
            Limit("weights without contents", _is_empty, 0, 0, exact=False),
        ),
    ),
    "thresholding.sv": StandIn(
        "thresholding_axi",
        (
            Limit("{} sets of thresholds", _of("SETS"), 1, 1, exact=False),
            Limit("{} thresholds per channel", _of("N"), 1, 2**16 - 1),
            Limit("thresholds of {} bits", _of("WT"), 2, 64),
            Limit("floating-point thresholds", _of("FPARG"), 0, 0),
            Limit("thresholds that are written at run time", _of("USE_AXILITE"), 0, 0),
        ),
    ),
    "dwc_axi.sv": StandIn("dwc_axi", ()),
}

# What stands for layers that FINN+ has in HLS only: there is nothing of FINN's to simulate instead.
LAYERS: Mapping[str, StandIn] = {
    "pool_layer.sv": StandIn(
        "pool_layer",
        (
            Limit("windows of {} pixels", _of("KERNEL"), 1, 64, exact=False),
            Limit("inputs of {} bits", _of("IN_BITS"), 1, 16, exact=False),
        ),
    ),
    "vvau_layer.sv": StandIn(
        "vvau_layer",
        (
            Limit("windows of {} pixels", _of("KERNEL"), 1, 49, exact=False),
            Limit("inputs of {} bits", _of("IN_BITS"), 1, 8, exact=False),
            Limit("weights of {} bits", _of("WEIGHT_BITS"), 2, 8, exact=False),
        ),
    ),
    "duplicate_streams_layer.sv": StandIn(
        "duplicate_streams_layer",
        (Limit("{} outputs", _of("OUTPUTS"), 2, 4, exact=False),),
    ),
    "elementwise_add_layer.sv": StandIn(
        "elementwise_add_layer",
        (
            Limit("a first input of {} bits", _of("LEFT_BITS"), 1, 20, exact=False),
            Limit("a second input of {} bits", _of("RIGHT_BITS"), 1, 20, exact=False),
        ),
    ),
    "global_acc_pool_layer.sv": StandIn(
        "global_acc_pool_layer",
        (
            Limit("images of {} pixels", _of("PIXELS"), 1, 1024, exact=False),
            Limit("inputs of {} bits", _of("IN_BITS"), 1, 12, exact=False),
        ),
    ),
    "label_select_layer.sv": StandIn(
        "label_select_layer",
        (Limit("inputs of {} bits", _of("IN_BITS"), 2, 24, exact=False),),
    ),
}


def source(file: str, folder: Path) -> str:
    """The text of what stands in for `file`, out of the `folder` of the stand-ins."""
    if file != "mvu_lut.sv":
        return (folder / file).read_text(encoding="utf-8")
    text = (folder / "mvu.sv").read_text(encoding="utf-8")
    return re.sub(r"^(module|endmodule :) mvu\b", r"\1 mvu_lut", text, flags=re.MULTILINE)


def check(bundle: Path, design: Mapping[str, Any], *, exact: bool) -> None:
    """Refuse a layer that would be simulated wrongly.

    Args:
        bundle: Folder with `rtl/`.
        design: Its `design.json`.
        exact: FINN's own modules are simulated, not the stand-ins.

    Raises:
        StageError: With the layer, the limit, and the way round it where there is one.
    """
    for node in design["nodes"]:
        beyond = _beyond(bundle, node, exact=exact)
        if beyond is None:
            continue
        file, limit, value = beyond
        allowed = f"{limit.least} to {limit.most}" if limit.least < limit.most else limit.least
        what = f"Layer '{node['name']}' has {limit.told(value)}"
        if limit.exact:
            proven = f"is proven for {allowed}" if "{}" in limit.text else "is not proven for that"
            raise StageError(
                f"{what}; the stand-in for FINN's {file} {proven}.",
                "Simulate FINN's own modules: `--exact`, or `simulate.exact = true` in the grid.",
            )
        simulated = f"only {allowed} can be" if "{}" in limit.text else "that cannot be"
        raise StageError(
            f"{what}; {simulated} simulated, not even with FINN's own modules.",
            "Choose another network or board.",
        )


def all_proven(bundle: Path, design: Mapping[str, Any]) -> bool:
    """Whether no layer is beyond what the stand-ins are proven for."""
    return all(_beyond(bundle, node, exact=False) is None for node in design["nodes"])


def _beyond(bundle: Path, node: Mapping[str, Any], *, exact: bool) -> tuple[str, Limit, int] | None:
    """The stand-in's file, the limit, and the value of the node that is beyond it."""
    wrappers = [source for source in node["sources"] if source.startswith("nodes/")]
    for source in wrappers:
        text = re.sub(r"//.*", "", (bundle / "rtl" / source).read_text(encoding="utf-8"))
        for file, standin in {**STANDINS, **LAYERS}.items():
            if re.search(rf"\b{standin.module}\s*#", text) is None:
                continue
            parameters = _parameters(text)
            for limit in standin.limits:
                value = _value(limit, parameters, source)
                if not (exact and limit.exact) and not limit.least <= value <= limit.most:
                    return file, limit, value
    return None


def _value(limit: Limit, parameters: Parameters, source: str) -> int:
    try:
        return limit.value(parameters)
    except KeyError as error:
        raise StageError(
            f"FINN's {source} does not say its {error.args[0]}.",
            "The pinned version of FINN+ has changed: adapt finn_worker/rtl/standins.py to it.",
        ) from error


def _parameters(text: str) -> Parameters:
    """Parameters of a generated wrapper whose values are numbers or strings."""
    found = re.findall(r'\bparameter\s+(\w+)\s*=\s*(?:"([^"]*)"|(-?\d+)\s*[,)\n])', text)
    return {name: int(number) if number else string for name, string, number in found}
