"""FINN's own folding files: settings of layers, by the name that FINN gives each.

    {"Defaults": {"ram_style": ["block", ["MVAU_hls"]]},
     "MVAU_hls_0": {"PE": 16, "SIMD": 49, "resType": "lut"}, "Thresholding_rtl_0": {"PE": 8}}

Every setting is honoured, is what is built anyway, or is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.console.text import counted, shown
from bench.errors import ConfigError, did_you_mean
from contract.finn.folding import Layer, cycles, divisors

Option = tuple[str, str, int | str]
"""Layer (MVAU_0 is the first, Thresholding_0 what follows it), attribute, value."""

_LAYER = re.compile(r"(?P<kind>[A-Za-z]\w*?)_(?P<number>0|[1-9][0-9]*)")
# What FINN calls a kind of layer, by what it is called here
_KINDS = {
    "MVAU": ("MVAU", "MVAU_hls", "MVAU_rtl", "MatrixVectorActivation"),
    "Thresholding": ("Thresholding", "Thresholding_hls", "Thresholding_rtl"),
}
_DEFAULTS = "Defaults"

_IMPLIED = "it is folded as the layers beside it need"
_OTHER_KINDS = {
    "StreamingFIFO": "the `size` stage finds the depths of FIFOs",
    "StreamingDataWidthConverter": "width converters follow from PE and SIMD",
    "ConvolutionInputGenerator": _IMPLIED,
    "FMPadding": _IMPLIED,
    "Pool": _IMPLIED,
    "StreamingMaxPool": _IMPLIED,
    "LabelSelect": "the host takes the largest output",
    "IODMA": "the shell around the accelerator is not configured here",
    "StreamingDataflowPartition": "the shell around the accelerator is not configured here",
}


@dataclass(frozen=True)
class Settings:
    """What a file says.

    Attributes:
        pairs: PE and SIMD of each layer, as written.
        options: What else is chosen, sorted.
    """

    pairs: list[list[Any]]
    options: tuple[Option, ...]


@dataclass(frozen=True)
class _Rule:
    """What becomes of an attribute.

    Attributes:
        passes: Whether a value can be had.
        why: What a value that cannot be had is told, after "X = value".
        kept: Whether the value is an option; else it is what is built anyway.
    """

    passes: Callable[[Any], bool]
    why: str
    kept: bool = False


def _one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def _never(_: Any) -> bool:
    return False


_FIFO_DEPTHS = _Rule(_never, "the `size` stage finds the depths of FIFOs; delete it")
_ONE_CLOCK = _Rule(_one_of(0), "there is one clock here; write 0 or delete it")
_NO_BUS = _Rule(_one_of(0), "weights and thresholds are fixed here; write 0 or delete it")
_STANDALONE = _Rule(_one_of("auto"), "thresholds are layers of their own here; delete it")
_LEFT_TO_SYNTHESIS = _Rule(_one_of(0), "synthesis chooses this memory; write 0 or delete it")
_COMMON = {
    "inFIFODepths": _FIFO_DEPTHS,
    "outFIFODepths": _FIFO_DEPTHS,
    "runtime_writeable_weights": _NO_BUS,
}
_OF_MVAU = _COMMON | {
    "ram_style": _Rule(
        _one_of("auto", "block", "distributed"),
        "give 'auto', 'block' or 'distributed'; UltraRAM needs weights that are written at run "
        "time, which there are not here",
        kept=True,
    ),
    "resType": _Rule(_one_of("auto", "lut", "dsp"), "give 'auto', 'lut' or 'dsp'", kept=True),
    "mem_mode": _Rule(
        _one_of("internal_decoupled"),
        "weights come from a memory beside the layer here; write 'internal_decoupled' or delete it",
    ),
    "ram_style_thresholds": _STANDALONE,
    "pumpedMemory": _ONE_CLOCK,
    "pumpedCompute": _ONE_CLOCK,
    "TH": _Rule(_one_of(1), "layers are not tiled here; write 1 or delete it"),
}
_OF_THRESHOLDING = _COMMON | {
    "PE": _Rule(lambda value: type(value) is int and value > 0, "give a whole number", kept=True),
    "depth_trigger_bram": _LEFT_TO_SYNTHESIS,
    "depth_trigger_uram": _LEFT_TO_SYNTHESIS,
}
_RULES = {"MVAU": _OF_MVAU, "Thresholding": _OF_THRESHOLDING}
_FOLD = ("PE", "SIMD")


def read(where: str, data: Mapping[str, Any], layers: Sequence[Layer] | None) -> Settings:
    """What FINN's folding file (`data`, from `where`) says of a network.

    Of one whose `layers` are not known, the layers are those that the file names.

    Raises:
        ConfigError: It names a layer that is none, leaves one out, or sets what cannot be set;
            everything of the kind is named.
    """
    names = _named(where, data, layers)
    defaults, problems = _defaults(data.get(_DEFAULTS, {}))
    settings = {
        layer: defaults[layer.split("_")[0]] | data.get(name, {}) for layer, name in names.items()
    }
    written = {layer: data.get(name, {}).keys() for layer, name in names.items()}
    problems += dict.fromkeys(_problems(names, settings, written))
    if problems:
        raise ConfigError(f"{where}: {'; '.join(problems)}.", "Correct or delete these entries.")
    count = sum(layer.startswith("MVAU_") for layer in names)
    pairs = [[settings[f"MVAU_{n}"][key] for key in _FOLD] for n in range(count)]
    options = [
        (layer, key, value)
        for layer, own in settings.items()
        for key, value in own.items()
        if _is_kept(layer, key, value)
    ]
    return Settings(pairs, tuple(sorted(options)))


def without_defaults(
    where: str,
    options: Sequence[Option],
    table: Sequence[tuple[int, int]],
    layers: Sequence[Layer],
) -> tuple[Option, ...]:
    """`options` without thresholds that are as parallel as their layer, as all are by default.

    Raises:
        ConfigError: Thresholds cannot be as parallel as is asked for, or hold up the layers.
    """
    pairs = list(zip(table, layers, strict=True))
    slowest = max(cycles(layer, pe, simd) for (pe, simd), layer in pairs)
    kept = []
    for name, key, value in options:
        if key == "PE" and isinstance(value, int):
            (pe, _), layer = pairs[int(name.rpartition("_")[2])]
            values = layer.outputs * layer.pixels
            could = [n for n in divisors(layer.outputs) if values // n <= slowest]
            if value not in could:
                raise ConfigError(
                    f"{where}, {name}: PE {value} does not divide its "
                    f"{counted(layer.outputs, 'channel')}, "
                    f"or takes more cycles than the slowest layer ({slowest}).",
                    f"Give {', '.join(map(str, could))}, or leave it out.",
                )
            if value == pe:
                continue
        kept.append((name, key, value))
    return tuple(kept)


def _is_kept(layer: str, key: str, value: Any) -> bool:
    rule = _RULES[layer.split("_", maxsplit=1)[0]].get(key)
    return rule is not None and rule.kept and (key, value) != ("ram_style", "auto")


def _named(where: str, data: Mapping[str, Any], layers: Sequence[Layer] | None) -> dict[str, str]:
    """The name in the file of each layer that it sets."""
    count = _matrices(data) if layers is None else len(layers)
    known = [f"MVAU_{number}" for number in range(count)]
    optional = [f"Thresholding_{number}" for number in range(count - 1)]
    found: dict[str, str] = {}
    problems = []
    for name in data:
        if name == _DEFAULTS:
            continue
        layer = _layer(name)
        if layer in found:
            problems.append(f"{found[layer]} and {name} are one layer")
        elif layer not in known and layer not in optional:
            problems.append(_unknown(name))
        elif not isinstance(data[name], dict):
            problems.append(f"{name} is no object of settings")
        else:
            found[layer] = name
    missing = [name for name in known if name not in found]
    if missing:
        problems.append(f"{', '.join(missing)} without an entry")
    kinds = {name.rpartition("_")[0] for layer, name in found.items() if layer in known}
    if len(kinds) > 1:
        problems.append(
            f"the layers are called {' and '.join(sorted(kinds))}, which FINN numbers each on its "
            "own, so that their order is not known: call them all MVAU"
        )
    if problems:
        raise ConfigError(f"{where}: {'; '.join(problems)}.", _layers_text(known, layers, optional))
    return {name: name for name in optional} | found


def _layer(name: str) -> str:
    """The name of a layer without FINN's variants of it; the name itself where it is none."""
    match = _LAYER.fullmatch(name)
    if match is None:
        return name
    for ours, same in _KINDS.items():
        if match["kind"] in same:
            return f"{ours}_{match['number']}"
    return name


def _unknown(name: str) -> str:
    for kind, why in _OTHER_KINDS.items():
        if name.startswith(kind):
            return f"{name} cannot be set: {why}"
    return f"{name or shown(name)} is no layer of the network"


def _layers_text(
    known: Sequence[str], layers: Sequence[Layer] | None, optional: Sequence[str]
) -> str:
    if layers is None:
        return "Name the matrices of the network as MVAU_0, MVAU_1, ..., none left out."
    shapes = [
        f"{name} ({layer.inputs} x {layer.outputs})"
        for name, layer in zip(known, layers, strict=True)
    ]
    return f"Layers: {', '.join(shapes)}; and, where you like, {', '.join(optional)}."


def _matrices(data: Mapping[str, Any]) -> int:
    """How many a file names; 1 where it names none."""
    return max(1, len({name for name in map(_layer, data) if name.startswith("MVAU_")}))


def _defaults(data: Any) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What holds for all layers of a kind, by kind, and what is wrong with it."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in _KINDS}
    problems = []
    if not isinstance(data, dict):
        return found, [f"{_DEFAULTS} is no object"]
    for key, entry in data.items():
        if not isinstance(entry, list) or not entry or len(entry) % 2:
            problems.append(f"{_DEFAULTS}.{key} is no list [value, [kinds of layers]]")
            continue
        for value, written in zip(entry[::2], entry[1::2], strict=True):
            for kind in written if isinstance(written, list) else [written]:
                ours = [name for name, same in _KINDS.items() if kind == "all" or kind in same]
                if not ours:
                    problems.append(
                        f"{_DEFAULTS}.{key} is for {shown(kind)}, no kind of layer here"
                    )
                for name in ours:
                    if found[name].setdefault(key, value) != value:
                        problems.append(f"{_DEFAULTS}.{key} gives {name} two values")
    return found, problems


def _problems(
    names: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]],
    written: Mapping[str, Container[str]],
) -> Iterator[str]:
    """What is wrong, where it is `written`: with the layer, or with the defaults of its kind."""
    for layer, own in settings.items():
        name, kind = names[layer], layer.split("_")[0]
        folds = _FOLD if kind == "MVAU" else ()
        for key in folds:
            if key not in own:
                yield f"{name} has no {key}"
        for key, value in own.items():
            rule = _RULES[kind].get(key)
            if key in folds:
                continue
            place = name if key in written[layer] else _DEFAULTS
            if rule is None:
                known = did_you_mean(key, (*folds, *_RULES[kind]))
                of = "known" if key in written[layer] else f"known of {kind}"
                yield f"{place}.{key} is not {of} ({known.rstrip('.')})"
            elif not rule.passes(value):
                yield f"{place}.{key} = {shown(value)}: {rule.why}"
