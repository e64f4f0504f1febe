"""How FINN+'s foldings are written: pairs, its own folding files, throughputs, goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.console.text import counted, shown
from bench.errors import ConfigError
from bench.flows.finn import settings
from bench.flows.finn.bottleneck import bottleneck
from bench.flows.finn.network import Known
from bench.flows.finn.rules import FOLD, RULES, is_count, is_kept
from bench.flows.flow import Bottleneck, Folding, Layers
from bench.input.reading import read_json
from contract.finn.folding import FoldingTable, Layer, Setting, folded, misfits
from contract.finn.goal import GOALS, WRITTEN, NoGoalError, goal_of

_MARK = "infeasible"


class Foldings:
    """See `bench.flows.flow.FoldingFormat`."""

    goals = GOALS

    def named(self, path: Path, name: str, entry: Any, layers: Layers) -> Folding:
        """The folding `name`, as the TOML file `path` has it.

        An entry is a list of [PE, SIMD] pairs; a table by layer, as in FINN's own folding files or
        by the network's own layer names; a table `{layers, core}` of pairs and of the core of all
        these layers; or a table `{layers, infeasible}`: a folding that cannot be, kept on purpose,
        with the reason. The grid takes that one, and the compile stage refuses it as a finding.

        Raises:
            ConfigError: It does not fit the network, or is marked as infeasible though it fits.
        """
        where = f"{path}: folding '{name}'"
        if not isinstance(entry, dict):
            return _folding(name, checked(where, entry, _matrices(layers)))
        if any(isinstance(value, dict) for value in entry.values()):
            return _by_layer(where, name, entry, layers)
        if set(entry) == {"layers", "core"}:
            options = _of_all(where, entry["core"])
            return _folding(
                name, checked(where, entry["layers"], _matrices(layers)), options=options
            )
        if set(entry) != {"layers", _MARK} or not isinstance(entry[_MARK], str):
            raise ConfigError(
                f"{where} has the keys {', '.join(sorted(entry))}.",
                f"Write a list of [PE, SIMD] pairs, a table with `layers` and `core` or `{_MARK}` "
                "(why), or one of layers by name: MVAU_0 = { PE = 2, SIMD = 8 }.",
            )
        table, matrices = _pairs(where, entry["layers"], _matrices(layers)), _matrices(layers)
        if matrices is not None and not list(misfits(table, matrices)):
            raise ConfigError(
                f"{where} is marked as infeasible, but every layer can be folded as it says.",
                "Write it as a plain list.",
            )
        return _folding(name, table)

    def from_file(self, path: Path, layers: Layers) -> Folding:
        """The folding in a JSON file: a list of [PE, SIMD] pairs, or FINN's own folding file.

        Raises:
            ConfigError: The file is missing, no JSON, or does not fit the network.
        """
        data, name = read_json(path), path.stem.lower()
        if isinstance(data, dict):
            return _by_layer(str(path), name, data, layers)
        return _folding(name, checked(str(path), data, _matrices(layers)))

    def for_throughput(self, fps: float) -> Folding:
        """What FINN's search shall find for `fps` images per second."""
        name = f"fps{fps:.0f}" if fps == int(fps) else f"fps{fps}"
        return _folding(name, None, target_fps=float(fps))

    def for_goal(self, written: str, build: Any) -> Folding | None:
        """What the exact search shall find; None where `written` is the name of a folding.

        Raises:
            ConfigError: It is a goal that cannot be.
        """
        try:
            goal = goal_of(written)
        except NoGoalError as error:
            raise ConfigError(f"build.foldings: {error}.", WRITTEN) from None
        if goal is None:
            return None
        name = goal.kind.value + ("" if goal.interval is None else f"{goal.interval}")
        fields = _fields(None) | {"goal": f"{goal}", "share": build.share, "cores": build.cores}
        return Folding(name=name, fields=fields)

    def bottleneck(self, folding: Folding, layers: Layers, build: Any) -> Bottleneck:
        """The slowest layer, which sets the interval."""
        return bottleneck(folding, layers, build.clock_mhz)


def _folding(
    name: str,
    table: FoldingTable | None,
    *,
    target_fps: float | None = None,
    options: tuple[Setting, ...] = (),
) -> Folding:
    return Folding(name=name, fields=_fields(table, target_fps=target_fps, options=options))


def _fields(
    table: FoldingTable | None,
    *,
    target_fps: float | None = None,
    options: tuple[Setting, ...] = (),
) -> dict[str, Any]:
    """What any folding decides of the compilation; a goal, where there is one, comes on top."""
    given = {"folding": table, "target_fps": target_fps, "options": options}
    return {**given, "goal": None, "share": None, "cores": None}


def _by_layer(where: str, name: str, data: dict[str, Any], layers: Layers) -> Folding:
    chosen = settings.read(where, data, Known(layers))
    _refuse(where, chosen.problems)
    return _folding(name, chosen.table, options=chosen.options)


def _of_all(where: str, core: Any) -> tuple[Setting, ...]:
    """The setting that gives all matrices a core."""
    rule = RULES["MVAU"]["core"]
    if not rule.passes(core):
        raise ConfigError(f"{where}: core = {shown(core)}.", f"{rule.why.capitalize()}.")
    return (("MVAU", "core", core),) if is_kept("MVAU", "core", core) else ()


def _matrices(layers: Layers) -> Sequence[Layer] | None:
    return None if layers is None else folded(layers)


def checked(where: str, table: Any, layers: Sequence[Layer] | None) -> FoldingTable:
    """`table` as a folding of `layers`, which are not depthwise; None where they are not known.

    Raises:
        ConfigError: It is no list of pairs, of the wrong length, or one that a layer cannot have.
    """
    pairs = _pairs(where, table, layers)
    if layers is not None:
        _refuse(where, list(misfits(pairs, layers)))
    return pairs


def _pairs(where: str, table: Any, layers: Sequence[Layer] | None) -> FoldingTable:
    if not isinstance(table, list) or not table:
        raise ConfigError(f"{where} is not a list of [PE, SIMD] pairs.", "Write [[2, 8], ...].")
    if layers is not None and len(table) != len(layers):
        own = (f"{layer.inputs} x {layer.outputs}" for layer in layers)
        raise ConfigError(
            f"{where} has {counted(len(table), 'layer')}, the network has {len(layers)}: "
            f"{', '.join(own)}.",
            "Give one [PE, SIMD] pair per layer.",
        )
    _refuse(where, list(_no_pairs(table)))
    return tuple((pe, simd) for pe, simd in table)


def _no_pairs(table: list[Any]) -> Iterator[tuple[str, str]]:
    """What of `table` is no pair of whole numbers, and what it should be; as of `misfits`."""
    for number, row in enumerate(table, start=1):
        if not isinstance(row, list) or len(row) != len(FOLD):
            yield f"layer {number} is {shown(row)}, not a pair [PE, SIMD].", "Write [2, 8], say."
            continue
        for term, value in zip(FOLD, row, strict=True):
            if not is_count(value):
                what = f"layer {number}: {term} is {shown(value)}."
                yield what, f"{term} is a whole number from 1 up."


def _refuse(where: str, problems: Sequence[tuple[str, str]]) -> None:
    """Raise a `ConfigError` that names all `problems` of layers, each with its remedy."""
    if not problems:
        return
    remedies = dict.fromkeys(remedy for _, remedy in problems)
    if len(remedies) > 1:
        layers = (what.partition(":")[0].partition(" is ")[0] for what, _ in problems)
        remedies = dict.fromkeys(
            f"{layer}: {remedy}" for layer, (_, remedy) in zip(layers, problems, strict=True)
        )
    raise ConfigError("\n".join(f"{where}, {what}" for what, _ in problems), "\n".join(remedies))
