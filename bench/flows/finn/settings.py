"""Foldings by layer: FINN's own folding files, and tables by the network's own layer names.

{"Defaults": {"ram_style": ["block", ["MVAU_hls"]]},
"MVAU_hls_0": {"PE": 16, "SIMD": 49, "resType": "lut"}, "Thresholding_rtl_0": {"PE": 8}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.console.text import shown
from bench.errors import ConfigError, did_you_mean
from bench.flows.finn.layer_names import KINDS, kind_called, parse, why_refused
from bench.flows.finn.network import Known, Place
from bench.flows.finn.rules import FOLD, RULES, is_count, is_kept, kinds_with
from contract.finn.cores import LUT, contradicts
from contract.finn.folding import FoldingTable, Setting, divisors, misfits_of

_DEFAULTS = "Defaults"
_WHOLE = "give a whole number from 1 up"


@dataclass(frozen=True)
class Settings:
    """What a file says.

    Attributes:
        table: PE and SIMD of each layer with weights, in the order of the declaration; None where
            that is not known, and `options` has them.
        options: What else is chosen, sorted.
        problems: Foldings that a layer cannot have, each with its remedy.
    """

    table: FoldingTable | None
    options: tuple[Setting, ...]
    problems: list[tuple[str, str]]


def read(where: str, data: Mapping[str, Any], network: Known) -> Settings:
    """What a folding by layer (`data`, from `where`) says of a network.

    Raises:
        ConfigError: It names a layer that is none, leaves one out, or sets what cannot be set;
            everything of the kind is named.
    """
    names = _named(where, data, network)
    defaults, problems = _defaults(data.get(_DEFAULTS, {}), network)
    entries = {place: defaults[place.kind] | data[name] for place, name in names.items()}
    for place, name in names.items():
        problems += _problems(name, place.kind, data[name])
        if place.kind == "MVAU":
            problems += [f"{name} has no {key}" for key in FOLD if key not in entries[place]]
            problems += _contradiction(name, entries[place])
    if problems:
        raise ConfigError(f"{where}: {'; '.join(problems)}.", "Correct or delete these entries.")
    return Settings(
        _table(entries, network),
        _options(entries, defaults, network),
        [each for place, name in names.items() for each in _sizes(name, place, entries, network)],
    )


def _table(entries: Mapping[Place, Mapping[str, Any]], network: Known) -> FoldingTable | None:
    """The folding in the order of the declaration."""
    matrices = [place for place in entries if place.kind == "MVAU"]
    if network.layers is None or any(len(place.candidates) != 1 for place in matrices):
        return None
    in_order = sorted(matrices, key=lambda place: place.candidates)
    return tuple((entries[place]["PE"], entries[place]["SIMD"]) for place in in_order)


def _options(
    entries: Mapping[Place, Mapping[str, Any]],
    defaults: Mapping[str, Mapping[str, Any]],
    network: Known,
) -> tuple[Setting, ...]:
    by_name = _table(entries, network) is None
    found: list[Setting] = []
    for place, own in entries.items():
        wanted = [key for key in own if is_kept(place.kind, key, own[key])]
        if place.kind == "MVAU" and by_name:
            wanted += FOLD
        if place.kind == "Thresholding" and own.get("PE") == _pe_before(place, entries):
            wanted.remove("PE")  # as by default
        found += ((place.layer, key, own[key]) for key in wanted)
    # What holds for a kind also holds for those of its layers that have no entry.
    found += (
        (kind, key, value)
        for kind, own in defaults.items()
        for key, value in own.items()
        if kind != "MVAU" and is_kept(kind, key, value)
    )
    plain = ((name, key, tuple(v) if isinstance(v, list) else v) for name, key, v in found)
    return tuple(sorted(plain, key=lambda setting: (str(setting[0]), setting[1])))


def _contradiction(name: str, own: Mapping[str, Any]) -> Iterator[str]:
    if contradicts(own.get("core"), own.get("resType")):
        yield f"{name} has the core '{LUT}', which is of LUTs, and resType 'dsp': give one of them"


def _pe_before(place: Place, entries: Mapping[Place, Mapping[str, Any]]) -> Any:
    """PE of the layer that thresholds follow, where it is known."""
    if len(place.candidates) != 1:
        return None
    before = (p for p in entries if p.kind == "MVAU" and p.candidates == place.candidates)
    return next((entries[each]["PE"] for each in before), None)


def _sizes(
    name: str, place: Place, entries: Mapping[Place, Mapping[str, Any]], network: Known
) -> Iterator[tuple[str, str]]:
    """What of an entry its layer cannot have, where it is known which one that is."""
    shapes = [network.layers[index] for index in place.candidates] if network.layers else []
    own = entries[place]
    if place.kind == "MVAU" and shapes:
        found = [list(misfits_of(name, (own["PE"], own["SIMD"]), shape)) for shape in shapes]
        if all(found):
            yield from found[0]
    if place.kind in {"Thresholding", "VVAU"} and shapes and "PE" in own:
        could = sorted({value for shape in shapes for value in divisors(shape.outputs)})
        if own["PE"] not in could:
            yield (
                f"{name}: PE {own['PE']} does not divide its channels.",
                f"PE values that do: {', '.join(map(str, could))}.",
            )


def _named(where: str, data: Mapping[str, Any], network: Known) -> dict[Place, str]:
    """The layers that a file sets, with the name that it gives each."""
    found: dict[Place, str] = {}
    problems = []
    for name in data:
        if name == _DEFAULTS:
            continue
        place = network.find(name)
        if place is None:
            why = why_refused(name)
            problems.append(
                f"{name or shown(name)} is no layer of the network"
                if why is None
                else f"{name} cannot be set: {why}"
            )
        elif place in found:
            problems.append(f"{found[place]} and {name} are one layer")
        elif not isinstance(data[name], dict):
            problems.append(f"{name} is no object of settings")
        else:
            found[place] = name
    problems += _missing(found, network)
    problems += _numbered_twice(found)
    if problems:
        raise ConfigError(f"{where}: {'; '.join(problems)}.", network.text())
    return found


def _missing(found: Mapping[Place, str], network: Known) -> Iterator[str]:
    """Layers without an entry; or that some are called in one way and some in another."""
    own = [network.is_own(name) for place, name in found.items() if place.kind in {"MVAU", "VVAU"}]
    needed = network.needed(found, own=any(own))
    missing = [name for place, name in needed.items() if place not in found]
    if missing:
        yield f"{', '.join(missing)} without an entry"
    if any(own) and not all(own):
        yield "some layers are called as the network has them, some as FINN: choose one"


def _numbered_twice(found: Mapping[Place, str]) -> Iterator[str]:
    """FINN numbers the variants of a kind each on their own."""
    for kind in KINDS:
        parsed = [parse(name) for place, name in found.items() if place.kind == kind]
        written = {each[2] for each in parsed if each is not None}
        if len(written) > 1:
            yield (
                f"layers are called {' and '.join(sorted(written))}, which FINN numbers each on "
                f"its own, so that their order is not known: call them all {kind}"
            )


def _defaults(data: Any, network: Known) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What holds for all layers of a kind, by kind, and what is wrong with it."""
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    if not isinstance(data, dict):
        return found, [f"{_DEFAULTS} is no object"]
    problems = []
    for key, entry in data.items():
        place = f"{_DEFAULTS}.{key}"
        if not isinstance(entry, list) or not entry or len(entry) % 2:
            problems.append(f"{place} is no list [value, [kinds of layers]]")
            continue
        for value, written in zip(entry[::2], entry[1::2], strict=True):
            for called in written if isinstance(written, list) else [written]:
                kinds = _kinds(called, key, network)
                if not kinds:
                    problems.append(f"{place} is for {shown(called)}, no kind of layer here")
                for kind in kinds:
                    if found[kind].setdefault(key, value) != value:
                        problems.append(f"{place} gives {kind} two values")
    for kind, own in found.items():
        problems += _problems(_DEFAULTS, kind, own, of=f" of {kind}")
    return found, list(dict.fromkeys(problems))


def _kinds(called: Any, key: str, network: Known) -> list[str]:
    """The kinds that a default is for: of all, those that have the attribute."""
    if called == "all":
        having = [kind for kind in KINDS if key in RULES[kind] and network.has(kind)]
        return [*(["MVAU"] if key in FOLD else []), *having] or ["MVAU"]
    kind = kind_called(called) if isinstance(called, str) else None
    return [] if kind is None else [kind]


def _problems(name: str, kind: str, own: Mapping[str, Any], of: str = "") -> Iterator[str]:
    """What of an entry cannot be set, or has a value that cannot be had."""
    folds = FOLD if kind == "MVAU" else ()
    for key, value in own.items():
        rule = RULES[kind].get(key)
        if key in folds:
            if not is_count(value):
                yield f"{name}.{key} = {shown(value)}: {_WHOLE}"
        elif rule is None and (others := kinds_with(key)):
            has = ", ".join(sorted({*folds, *RULES[kind]}))
            yield f"{name}.{key} is not of {kind}, but of {', '.join(others)} ({kind} has {has})"
        elif rule is None:
            known = did_you_mean(key, (*folds, *RULES[kind]))
            yield f"{name}.{key} is not known{of} ({known.rstrip('.')})"
        elif not rule.passes(value):
            yield f"{name}.{key} = {shown(value)}: {rule.why}"
