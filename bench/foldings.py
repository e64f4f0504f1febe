"""Foldings: named tables, JSON files, and throughputs for FINN's own search."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.catalog import LayerShape
from bench.errors import ConfigError
from bench.reading import read_json

FoldingTable = tuple[tuple[int, int], ...]

_MARK = "infeasible"
# A layer in FINN's own folding files, such as MVAU_hls_0 (newer) or MatrixVectorActivation_0.
_FINN_LAYER = re.compile(r"((?:MVAU|MatrixVectorActivation)(?:_[a-z]+)?)_([0-9]{1,6})")


@dataclass(frozen=True)
class Folding:
    """One folding of a grid.

    Attributes:
        name: As results call it.
        layers: (PE, SIMD) of each layer; None leaves the search to FINN.
        target_fps: What that search aims at, in images per second.
    """

    name: str
    layers: FoldingTable | None
    target_fps: float | None = None


def named(path: Path, name: str, entry: Any, layers: Sequence[LayerShape]) -> Folding:
    """The folding `name`, as the TOML file `path` has it.

    An entry may be a table `{layers, infeasible}`: a folding that cannot be, kept on purpose, with
    the reason why. The grid takes it, and the compile stage refuses it as a finding.

    Raises:
        ConfigError: It does not fit the network, or is marked as infeasible though it fits.
    """
    where = f"{path}: folding '{name}'"
    if not isinstance(entry, dict):
        return Folding(name, checked(where, entry, layers))
    if set(entry) != {"layers", _MARK} or not isinstance(entry[_MARK], str):
        raise ConfigError(
            f"{where} has the keys {', '.join(sorted(entry))}.",
            f"Write a list of [PE, SIMD] pairs, or a table with `layers` and `{_MARK}` (why).",
        )
    table = _pairs(where, entry["layers"], layers)
    if not list(misfits(table, layers)):
        raise ConfigError(
            f"{where} is marked as infeasible, but every PE and SIMD divides its layer.",
            "Write it as a plain list.",
        )
    return Folding(name, table)


def from_file(path: Path, layers: Sequence[LayerShape]) -> Folding:
    """The folding in a JSON file: a list of [PE, SIMD] pairs, or FINN's own folding file.

    Raises:
        ConfigError: The file is missing, no JSON, or does not fit the network.
    """
    data = read_json(path)
    if isinstance(data, dict):
        data = _of_finn(path, data)
    return Folding(path.stem.lower(), checked(str(path), data, layers))


def for_throughput(fps: float) -> Folding:
    """What FINN's search shall find for `fps` images per second."""
    name = f"fps{fps:.0f}" if fps == int(fps) else f"fps{fps}"
    return Folding(name, None, float(fps))


def checked(where: str, table: Any, layers: Sequence[LayerShape]) -> FoldingTable:
    """`table` as a folding of `layers`.

    Raises:
        ConfigError: It is no list of pairs, of the wrong length, or does not divide a layer.
    """
    pairs = _pairs(where, table, layers)
    for what, remedy in misfits(pairs, layers):
        raise ConfigError(f"{where}, {what}", remedy)
    return pairs


def misfits(table: FoldingTable, layers: Sequence[LayerShape]) -> Iterator[tuple[str, str]]:
    """What of a folding does not divide its layer, and the values that would."""
    for number, ((pe, simd), layer) in enumerate(zip(table, layers, strict=True), start=1):
        for term, value, size, of in (
            ("PE", pe, layer.outputs, "outputs"),
            ("SIMD", simd, layer.inputs, "inputs"),
        ):
            if size % value:
                yield (
                    f"layer {number}: {term} {value} does not divide its {size} {of}.",
                    f"{term} values that do: {', '.join(map(str, divisors(size)))}.",
                )


def layer_cycles(layers: Sequence[LayerShape], table: FoldingTable) -> list[float]:
    """Cycles that each of `layers` takes for an image, folded as `table` says."""
    return [
        (layer.inputs / simd) * (layer.outputs / pe)
        for layer, (pe, simd) in zip(layers, table, strict=True)
    ]


def divisors(number: int) -> list[int]:
    """All divisors of `number`, ascending."""
    return [value for value in range(1, number + 1) if number % value == 0]


def _pairs(where: str, table: Any, layers: Sequence[LayerShape]) -> FoldingTable:
    is_table = isinstance(table, list) and all(
        isinstance(row, list) and len(row) == 2 and all(type(n) is int and n > 0 for n in row)
        for row in table
    )
    if not is_table:
        raise ConfigError(f"{where} is not a list of [PE, SIMD] pairs.", "Write [[2, 8], ...].")
    if len(table) != len(layers):
        raise ConfigError(
            f"{where} has {len(table)} layers, the network has {len(layers)}.",
            "Give one [PE, SIMD] pair per layer.",
        )
    return tuple((pe, simd) for pe, simd in table)


def _of_finn(path: Path, data: dict[str, Any]) -> list[Any]:
    """[PE, SIMD] of the matrix layers in FINN's folding file, in the order of their numbers."""
    found = {name: match for name in data if (match := _FINN_LAYER.fullmatch(name))}
    kinds = {match[1] for match in found.values()}
    if len(kinds) > 1:
        raise ConfigError(
            f"{path} has layers called {' and '.join(sorted(kinds))}; FINN numbers each kind on "
            "its own, so their order is not known.",
            "Write a list of [PE, SIMD] pairs instead.",
        )
    ordered = sorted(found, key=lambda name: int(found[name][2]))
    is_layer = {n: isinstance(data[n], dict) and {"PE", "SIMD"} <= set(data[n]) for n in ordered}
    missing = [name for name in ordered if not is_layer[name]]
    if missing or not ordered:
        what = f"no PE and SIMD for {missing[0]}" if missing else "no layer called MVAU_..."
        raise ConfigError(f"{path} has {what}.", "Give each layer as in FINN's folding files.")
    return [[data[name]["PE"], data[name]["SIMD"]] for name in ordered]
