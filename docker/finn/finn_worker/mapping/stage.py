"""The map stage: what every layer and every FIFO of a design takes, and whether it fits."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from contract.finn.map import MapSpec
from contract.finn.parts import with_flip_flops
from finn_worker.accelerator import Accelerator, fifo_table
from finn_worker.mapping import layers, verify
from finn_worker.mapping.cores import Divided, Part, divided
from finn_worker.mapping.mapped import Mapped, Resources, total
from finn_worker.mapping.mapper import Mapper, NotMapped
from finn_worker.mapping.recipe import family_of
from finn_worker.mapping.reserve import RESERVE, SOURCE
from finn_worker.size import KnownSizing
from stagekit import Reporter, Request, WrongResult

FOLDER = "mapped"
Results = Mapping[str, Mapped | str]
"""By key, what was mapped, or why it was not."""


@dataclass(frozen=True)
class _Item:
    """A layer or a FIFO.

    Attributes:
        kind: "layers" or "fifos".
        entry: What metrics.json says of it besides its resources.
        divided: Its parts.
        keys: Of its parts.
    """

    kind: str
    entry: Mapping[str, Any]
    divided: Divided
    keys: tuple[str, ...]

    def resources(self, mapped: Results) -> Resources | None:
        """Of all its parts; None where one was not mapped."""
        own = [mapped[key] for key in self.keys]
        if any(isinstance(one, str) for one in own):
            return None
        return self.divided.more + total(
            one.resources * part.times
            for one, part in zip(own, self.divided.parts, strict=True)
            if isinstance(one, Mapped)
        )

    def as_json(self, mapped: Results) -> dict[str, Any]:
        """Its entry in metrics.json."""
        resources = self.resources(mapped)
        parts = [
            {"file": key[:16], "times": part.times}
            for key, part in zip(self.keys, self.divided.parts, strict=True)
        ]
        found: dict[str, Any] = {} if resources is None else resources.as_json()
        if resources is not None:
            found["logic_ns"] = self.logic_ns(mapped)
        return {**self.entry, **found, "parts": parts}

    def logic_ns(self, mapped: Results) -> float | None:
        """The longest path of any part by the delays of its cells; None where none is known."""
        paths = [
            one.logic_ps
            for key in self.keys
            if isinstance(one := mapped[key], Mapped) and one.logic_ps is not None
        ]
        return max(paths) / 1000 if paths else None


def map_design(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves metrics.json: resources of each layer, each FIFO, all of them and the reserve; whether
    that fits, and what binds; and `mapped/`: cells, netlist and log of each distinct part. What
    Yosys could not map in its time and memory is named there, and the totals are then left out.

    Raises:
        StageError: A source of FINN's is not the one that its patch was written for; or netlists
            are to be simulated for which there are no models.
        WrongResult: A netlist does something else than the RTL.
    """
    spec = request.parse(MapSpec)
    accelerator = Accelerator.load(request.inputs["compile"])
    sizing = KnownSizing.load(request.inputs["size"], accelerator.design)
    name = str(accelerator.estimated["part"])
    family = family_of(name)
    if family is None:
        why = f"{name} is of a family that is not mapped to; 7-series and UltraScale+ are"
        request.write_metrics({"part": name, "family": None, "not_mapped": [why]})
        reporter.note(f"Not mapped: {why}.")
        return
    if spec.netlist:
        verify.check_family(family, name)
    reporter.tool("Yosys", f"{metadata.version('pyosys')}, for {family}")
    mapper = partial(
        Mapper,
        family,
        request.cache / "mapped",
        uram=bool(accelerator.estimated["available"]["uram"]),
        processes=request.cpus,
    )
    with reporter.timed("mapping"), mapper() as counting:
        items = [*_layers(accelerator, counting), *_fifos(accelerator, sizing.depths, counting)]
        mapped = _map(items, counting, request.cpus, reporter)
    compared = None
    if spec.netlist:
        with reporter.timed("netlist"), mapper(contents=True) as whole:
            compared = verify.verify(
                accelerator, sizing.depths, spec.netlist, whole, request, reporter
            )
    _keep(mapped, request.outputs / FOLDER)
    metrics = _metrics(accelerator, items, mapped)
    request.write_metrics({"part": name, "family": family, "netlist": compared, **metrics})
    for why in metrics["not_mapped"]:
        reporter.note(f"Not mapped: {why}.")
    if compared is not None and compared["different"]:
        raise WrongResult(verify.reason(compared))


def _layers(accelerator: Accelerator, mapper: Mapper) -> Iterator[_Item]:
    stand_ins = accelerator.estimated.get("layers_without_rtl", {})
    for node in accelerator.design["nodes"]:
        source = layers.layer(node, accelerator.design, accelerator.bundle / "rtl")
        entry = {name: node[name] for name in ("name", "op_type")}
        entry["stand_in"] = node["op_type"] in stand_ins
        yield _item("layers", entry, divided(source), mapper)


def _fifos(accelerator: Accelerator, depths: Sequence[int], mapper: Mapper) -> Iterator[_Item]:
    text = (accelerator.bundle / "rtl" / "lib" / "fifo.sv").read_text(encoding="utf-8")
    for fifo in fifo_table(accelerator.design, depths):
        source = layers.fifo(fifo["width_bits"], fifo["depth"], text)
        entry = {"name": fifo["stream"], **{n: fifo[n] for n in ("depth", "width_bits")}}
        yield _item("fifos", entry, Divided((Part(source),)), mapper)


def _item(kind: str, entry: Mapping[str, Any], parts: Divided, mapper: Mapper) -> _Item:
    keys = tuple(mapper.key(part.source, part.boxes) for part in parts.parts)
    return _Item(kind, entry, parts, keys)


def _map(
    items: Sequence[_Item], mapper: Mapper, processes: int, reporter: Reporter
) -> dict[str, Mapped | str]:
    """Each distinct part once."""
    parts = {
        key: part for item in items for key, part in zip(item.keys, item.divided.parts, strict=True)
    }
    names = {key: str(item.entry["name"]) for item in items for key in item.keys}
    done: list[str] = []

    def one(key: str) -> Mapped | str:
        try:
            mapped: Mapped | str = mapper.layer(parts[key].source, boxes=parts[key].boxes)
        except NotMapped as finding:
            mapped = f"{names[key]}: {finding}"
        done.append(key)
        reporter.progress(len(done), len(parts), "part", names[key])
        return mapped

    with ThreadPoolExecutor(processes) as pool:
        return dict(zip(parts, pool.map(one, parts), strict=True))


def _keep(mapped: Results, folder: Path) -> None:
    """Cells, netlist and log of each part, under the first digits of its key."""
    folder.mkdir()
    for key, one in mapped.items():
        if isinstance(one, str):
            continue
        cells = json.dumps(dict(one.cells), indent=1, sort_keys=True) + "\n"
        (folder / f"{key[:16]}.json").write_text(cells, encoding="utf-8")
        for kind, text in (("v", one.netlist), ("log", one.log)):
            packed = gzip.compress(text.encode(), mtime=0)
            (folder / f"{key[:16]}.{kind}.gz").write_bytes(packed)


def _metrics(accelerator: Accelerator, items: Sequence[_Item], mapped: Results) -> dict[str, Any]:
    found: dict[str, Any] = {
        kind: [item.as_json(mapped) for item in items if item.kind == kind]
        for kind in ("layers", "fifos")
    }
    known = [resources for item in items if (resources := item.resources(mapped)) is not None]
    found |= {
        "reached": total(known).as_json(),
        "not_mapped": sorted(one for one in mapped.values() if isinstance(one, str)),
        "reserve": {**RESERVE.as_json(), "source": SOURCE},
        "stand_ins": sum(bool(item.entry.get("stand_in")) for item in items),
    }
    if len(known) < len(items):
        return found
    design = total(known)
    paths = [path for item in items if (path := item.logic_ns(mapped)) is not None]
    return {
        **found,
        **design.as_json(),
        **_fit(design, accelerator.estimated["available"]),
        "logic_ns": max(paths, default=None),
    }


def _fit(design: Resources, given: Mapping[str, int]) -> dict[str, Any]:
    """Whether the design fits with the reserve, and which resource it has the least left of."""
    has = with_flip_flops(given)
    needed = (design + RESERVE).as_json()
    shares = {name: needed[name] / count for name, count in has.items() if count}
    lacking = [name for name, count in has.items() if needed[name] > count]
    binds = max(shares, key=lambda name: shares[name])
    return {
        "available": has,
        "fits": not lacking,
        "lacking": lacking,
        "binds": binds,
        "binding_share": round(shares[binds], 4),
    }
