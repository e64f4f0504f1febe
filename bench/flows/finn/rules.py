"""What FINN's folding files may set of each kind of layer, and what becomes of it.

Every attribute is honoured, is what is built anyway, or is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contract.finn.cores import CORES, DSP

FOLD = ("PE", "SIMD")
"""Of an MVAU; each has to be given."""


LEAST_DEPTH = 2


@dataclass(frozen=True)
class Rule:
    """What becomes of an attribute.

    Attributes:
        passes: Whether a value can be had.
        why: What a value that cannot be had is told, after "X = value".
        kept: Whether the value is an option; else it is what is built anyway.
    """

    passes: Callable[[Any], bool]
    why: str
    kept: bool = False


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 1 up; `True` is none."""
    return type(value) is int and value > 0


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def _is_depth(value: Any) -> bool:
    return type(value) is int and value >= LEAST_DEPTH


def _never(_: Any) -> bool:
    return False


_COUNT = Rule(is_count, "give a whole number", kept=True)
_DEPTHS = Rule(
    lambda value: isinstance(value, list) and bool(value) and all(map(_is_depth, value)),
    "give a list of whole numbers from 2 up, one for each stream",
    kept=True,
)
_ONE_CLOCK = Rule(_one_of(0), "there is one clock here; write 0 or delete it")
_NO_BUS = Rule(_one_of(0), "weights and thresholds are fixed here; write 0 or delete it")
_STANDALONE = Rule(_one_of("auto"), "thresholds are layers of their own here; delete it")
_LEFT_TO_SYNTHESIS = Rule(_one_of(0), "synthesis chooses this memory; write 0 or delete it")
_RAM = "give 'auto', 'block' or 'distributed'; UltraRAM "
_BESIDE = Rule(
    _one_of("internal_decoupled"),
    "weights come from a memory beside the layer here; write 'internal_decoupled' or delete it",
)
_COMMON = {
    "inFIFODepths": _DEPTHS,
    "outFIFODepths": _DEPTHS,
}
_OF_WEIGHTS = _COMMON | {
    "ram_style": Rule(
        _one_of("auto", "block", "distributed"),
        f"{_RAM}needs weights that are written at run time, which there are not here",
        kept=True,
    ),
    "resType": Rule(_one_of("auto", "lut", "dsp"), "give 'auto', 'lut' or 'dsp'", kept=True),
    "mem_mode": _BESIDE,
    "runtime_writeable_weights": _NO_BUS,
}
_OF_MVAU = _OF_WEIGHTS | {
    "core": Rule(_one_of(*CORES), f"give {' or '.join(map(repr, CORES))}", kept=True),
    "ram_style_thresholds": _STANDALONE,
    "pumpedMemory": _ONE_CLOCK,
    "pumpedCompute": _ONE_CLOCK,
    "TH": Rule(_one_of(1), "layers are not tiled here; write 1 or delete it"),
}
_OF_VVAU = _OF_WEIGHTS | {
    "PE": _COUNT,
    "SIMD": Rule(
        _one_of(1),
        "several pixels of a window at once are not proven in simulation; write 1 or delete it",
    ),
}
_IN_LOGIC = "FINN+'s thresholds in RTL leave their memory to synthesis; delete it"
_OF_THRESHOLDING = _COMMON | {
    "PE": _COUNT,
    "runtime_writeable_weights": _NO_BUS,
    "depth_trigger_bram": _LEFT_TO_SYNTHESIS,
    "depth_trigger_uram": _LEFT_TO_SYNTHESIS,
    "ram_style": Rule(_one_of("auto"), _IN_LOGIC),
    "mem_mode": Rule(_never, _IN_LOGIC),
}
_FIXED_SHAPES = Rule(_one_of(0), "shapes are fixed here; write 0 or delete it")
_OF_GENERATOR = _COMMON | {
    "SIMD": _COUNT,
    "parallel_window": Rule(_one_of(0, 1), "give 0 or 1", kept=True),
    "M": Rule(
        _one_of(1),
        "FINN+ 1.6.1 gives a generator the ports of one pixel whatever its M; write 1 or delete it",
    ),
    "ram_style": Rule(
        _one_of("auto", "block", "distributed"), f"{_RAM}is not on every part", kept=True
    ),
    "dynamic_mode": _FIXED_SHAPES,
}
_BY_PE = _COMMON | {"PE": _COUNT}
_OF_PADDING = _COMMON | {"SIMD": _COUNT, "dynamic_mode": _FIXED_SHAPES}

RULES: Mapping[str, Mapping[str, Rule]] = {
    "MVAU": _OF_MVAU,
    "VVAU": _OF_VVAU,
    "Thresholding": _OF_THRESHOLDING,
    "ConvolutionInputGenerator": _OF_GENERATOR,
    "FMPadding": _OF_PADDING,
    "Pool": _BY_PE,
    "DuplicateStreams": _BY_PE,
    "ElementwiseAdd": _BY_PE,
    "GlobalAccPool": _BY_PE,
    "LabelSelect": _BY_PE,
}
"""By kind of layer and attribute; PE and SIMD of an MVAU are no options."""
_FOLDED = {("MVAU", key) for key in FOLD}


_DEFAULTS = {
    ("MVAU", "ram_style"): "auto",
    ("MVAU", "core"): DSP,
    ("VVAU", "ram_style"): "auto",
    ("ConvolutionInputGenerator", "ram_style"): "distributed",
    ("ConvolutionInputGenerator", "parallel_window"): 0,
    ("VVAU", "SIMD"): 1,
}


def is_kept(kind: str, key: str, value: Any) -> bool:
    """Whether a value that passes is an option, and not what is built anyway."""
    rule = RULES[kind].get(key)
    return rule is not None and rule.kept and value != _DEFAULTS.get((kind, key))


def kinds_with(key: str) -> list[str]:
    """The kinds of layers that have an attribute."""
    return [kind for kind, rules in RULES.items() if key in rules or (kind, key) in _FOLDED]
