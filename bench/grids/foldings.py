"""Foldings: named tables, JSON files, and throughputs for FINN's own search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.console.text import counted, shown
from bench.errors import ConfigError
from bench.grids import finn_folding
from bench.grids.finn_folding import Option, divisors
from bench.grids.reading import read_json
from contract.architecture import LayerShape

FoldingTable = tuple[tuple[int, int], ...]

_MARK = "infeasible"
_TERMS = ("PE", "SIMD")
_LOSES = (
    "FINN+ 1.6.1 loses results of a layer that takes all its inputs at once "
    "(docs/decisions/0018-foldings-that-lose-results.md)"
)


@dataclass(frozen=True)
class Folding:
    """One folding of a grid.

    Attributes:
        name: As results call it.
        layers: (PE, SIMD) of each layer; None leaves the search to FINN.
        target_fps: What that search aims at, in images per second.
        options: What else of a layer FINN's own folding file chooses.
    """

    name: str
    layers: FoldingTable | None
    target_fps: float | None = None
    options: tuple[Option, ...] = ()


def named(path: Path, name: str, entry: Any, layers: Sequence[LayerShape]) -> Folding:
    """The folding `name`, as the TOML file `path` has it.

    An entry is a list of [PE, SIMD] pairs; a table by layer, as in FINN's own folding files; or a
    table `{layers, infeasible}`: a folding that cannot be, kept on purpose, with the reason why.
    The grid takes that one, and the compile stage refuses it as a finding.

    Raises:
        ConfigError: It does not fit the network, or is marked as infeasible though it fits.
    """
    where = f"{path}: folding '{name}'"
    if not isinstance(entry, dict):
        return Folding(name, checked(where, entry, layers))
    if any(isinstance(value, dict) for value in entry.values()):
        return _of_finn(where, name, entry, layers)
    if set(entry) != {"layers", _MARK} or not isinstance(entry[_MARK], str):
        raise ConfigError(
            f"{where} has the keys {', '.join(sorted(entry))}.",
            f"Write a list of [PE, SIMD] pairs, a table with `layers` and `{_MARK}` (why), or one "
            "of layers by name: MVAU_0 = { PE = 2, SIMD = 8 }.",
        )
    table = _pairs(where, entry["layers"], layers)
    if not list(misfits(table, layers)):
        raise ConfigError(
            f"{where} is marked as infeasible, but every layer can be folded as it says.",
            "Write it as a plain list.",
        )
    return Folding(name, table)


def from_file(path: Path, layers: Sequence[LayerShape]) -> Folding:
    """The folding in a JSON file: a list of [PE, SIMD] pairs, or FINN's own folding file.

    Raises:
        ConfigError: The file is missing, no JSON, or does not fit the network.
    """
    data, name = read_json(path), path.stem.lower()
    if isinstance(data, dict):
        return _of_finn(str(path), name, data, layers)
    return Folding(name, checked(str(path), data, layers))


def for_throughput(fps: float) -> Folding:
    """What FINN's search shall find for `fps` images per second."""
    name = f"fps{fps:.0f}" if fps == int(fps) else f"fps{fps}"
    return Folding(name, None, float(fps))


def checked(where: str, table: Any, layers: Sequence[LayerShape]) -> FoldingTable:
    """`table` as a folding of `layers`.

    Raises:
        ConfigError: It is no list of pairs, of the wrong length, or one that a layer cannot have.
    """
    pairs = _pairs(where, table, layers)
    _refuse(where, list(misfits(pairs, layers)))
    return pairs


def misfits(table: FoldingTable, layers: Sequence[LayerShape]) -> Iterator[tuple[str, str]]:
    """What of a folding its layers cannot have, each after `layer 1`, and what they can."""
    for number, ((pe, simd), layer) in enumerate(zip(table, layers, strict=True), start=1):
        if layer.inputs == 1:
            yield (
                f"layer {number}: it has one input, and {_LOSES}.",
                "Use images of at least 2x2 pixels.",
            )
            continue
        undivided = [
            (
                f"layer {number}: {term} {value} does not divide its {size} {of}.",
                f"{term} values that do: {', '.join(map(str, could))}.",
            )
            for term, value, size, of, could in (
                ("PE", pe, layer.outputs, "outputs", divisors(layer.outputs)),
                ("SIMD", simd, layer.inputs, "inputs", divisors(layer.inputs)[:-1]),
            )
            if size % value
        ]
        yield from undivided
        if not undivided and simd == layer.inputs:
            yield (
                f"layer {number}: SIMD {simd} is all its inputs (SIMD = MW), and {_LOSES}.",
                _instead(pe, simd, layer),
            )


def layer_cycles(layers: Sequence[LayerShape], table: FoldingTable) -> list[int]:
    """Cycles that each of `layers` takes for an image, folded as `table` says."""
    return [layer.cycles(pe, simd) for layer, (pe, simd) in zip(layers, table, strict=True)]


def _instead(pe: int, simd: int, layer: LayerShape) -> str:
    """The folding nearest in speed that takes fewer inputs at once, rather a faster one."""
    wanted = layer.cycles(pe, simd)
    candidates = [(p, s) for p in divisors(layer.outputs) for s in divisors(layer.inputs)[:-1]]

    def distance(pair: tuple[int, int]) -> tuple[bool, int, int]:
        cycles = layer.cycles(*pair)
        return cycles > wanted, abs(cycles - wanted), -pair[1]

    best = min(candidates, key=distance)
    cycles = layer.cycles(*best)
    if cycles == wanted:
        return f"Write {list(best)}, which is as fast."
    per_image = counted(cycles, "cycle")
    return f"Write {list(best)}, the nearest: {per_image} per image instead of {wanted:,}."


def _pairs(where: str, table: Any, layers: Sequence[LayerShape]) -> FoldingTable:
    if not isinstance(table, list):
        raise ConfigError(f"{where} is not a list of [PE, SIMD] pairs.", "Write [[2, 8], ...].")
    if len(table) != len(layers):
        raise ConfigError(
            f"{where} has {counted(len(table), 'layer')}, the network has {len(layers)}.",
            "Give one [PE, SIMD] pair per layer.",
        )
    _refuse(where, list(_no_pairs(table)))
    return tuple((pe, simd) for pe, simd in table)


def _no_pairs(table: list[Any]) -> Iterator[tuple[str, str]]:
    """What of `table` is no pair of whole numbers, and what it should be; as of `misfits`."""
    for number, row in enumerate(table, start=1):
        if not isinstance(row, list) or len(row) != len(_TERMS):
            yield f"layer {number} is {shown(row)}, not a pair [PE, SIMD].", "Write [2, 8], say."
            continue
        for term, value in zip(_TERMS, row, strict=True):
            if type(value) is not int or value < 1:
                what = f"layer {number}: {term} is {shown(value)}."
                yield what, f"{term} is a whole number from 1 up."


def _refuse(where: str, problems: Sequence[tuple[str, str]]) -> None:
    """Raise a `ConfigError` that names all `problems` of layers, each with its remedy."""
    if not problems:
        return
    remedies = dict.fromkeys(remedy for _, remedy in problems)
    if len(remedies) > 1:
        layers = (" ".join(what.split()[:2]).rstrip(":") for what, _ in problems)
        remedies = dict.fromkeys(
            f"{layer}: {remedy}" for layer, (_, remedy) in zip(layers, problems, strict=True)
        )
    raise ConfigError("\n".join(f"{where}, {what}" for what, _ in problems), "\n".join(remedies))


def _of_finn(where: str, name: str, data: dict[str, Any], layers: Sequence[LayerShape]) -> Folding:
    settings = finn_folding.read(where, data, layers)
    table = checked(where, settings.pairs, layers)
    options = finn_folding.without_defaults(where, settings.options, table, layers)
    return Folding(name, table, options=options)
