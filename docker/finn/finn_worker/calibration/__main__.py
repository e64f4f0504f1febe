"""Map the layers of a checkout, or of a file of single layers, and write both figures as CSV.

Usage: python -m finn_worker.calibration SOURCE --output FILE --cache FOLDER
           [--part PART] [--library LIBRARY] [--only KINDS]

SOURCE is a folder with a FINN build of anybody's, Vivado's reports included, or a CSV file as
`singles` describes it, for which PART says what Vivado built for, and LIBRARY is a folder with the
Verilog of the FINN that it built.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from finn_worker import toolchain
from finn_worker.calibration import checkout, modules
from finn_worker.calibration.compared import Compared, as_csv
from finn_worker.calibration.kinds import kind_of
from finn_worker.mapping.mapped import Resources, Source, total
from finn_worker.mapping.mapper import Mapper, NotMapped
from stagekit import StageError

# What Yosys calls a family, by the start of its parts.
FAMILIES = {"xc7": "xc7", "xczu": "xcup", "xcku": "xcup", "xcvu": "xcup"}


def main(arguments: list[str]) -> int:
    """Map what is there; the exit status."""
    parser = argparse.ArgumentParser(prog="finn_worker.calibration")
    parser.add_argument("source", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--part")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--only", default="", help="kinds of layers, separated by commas")
    given = parser.parse_args(arguments)
    only = {kind for kind in given.only.split(",") if kind}
    found: list[Compared] = []
    compared = (
        _singles(given.source, given.cache, given.part, given.library, only)
        if given.source.suffix == ".csv"
        else _checkout(given.source, given.cache, only)
    )
    for one in compared:
        found.append(one)
        print(_line(one), flush=True)
        given.output.write_text(as_csv(found), encoding="utf-8")
    if not found:
        print(f"error: no report of Vivado's with a layer's figures in {given.source}.")
        return 3
    if all(one.mapped is None for one in found):
        print("error: none of these layers could be mapped.")
        return 1
    return 0


def family_of(part: str) -> str | None:
    """Of FINN's parts and Vivado's names; None where nothing here maps to it."""
    return next((family for start, family in FAMILIES.items() if part.startswith(start)), None)


def _checkout(folder: Path, cache: Path, only: set[str]) -> Iterator[Compared]:
    """Equal layers once."""
    alike: dict[str, list[checkout.Layer]] = {}
    for layer in checkout.layers(folder):
        if not only or layer.kind in only:
            same = repr((layer.kind, layer.source, layer.published.resources))
            alike.setdefault(same if layer.source else layer.name, []).append(layer)
    mappers: dict[str, Mapper] = {}
    try:
        for first, *others in alike.values():
            mapped, note = _mapped(first, cache, mappers)
            yield Compared(
                kind=first.kind, layer=first.name, alike=1 + len(others),
                part=first.published.part, tool=f"Vivado {first.published.version}",
                vivado=first.published.resources, mapped=mapped, note=note,
            )  # fmt: skip
    finally:
        for mapper in mappers.values():
            mapper.close()


def _mapped(
    layer: checkout.Layer, cache: Path, mappers: dict[str, Mapper]
) -> tuple[Resources | None, str]:
    family = family_of(layer.published.part)
    if layer.source is None or family is None:
        return None, layer.note or f"no recipe for {layer.published.part}"
    mapper = mappers.setdefault(family, Mapper(family, cache))
    return _try(mapper, [layer.source])


def _try(mapper: Mapper, sources: list[Source]) -> tuple[Resources | None, str]:
    """What they take together; or None and why one cannot be mapped."""
    try:
        return total(mapper.layer(source).resources for source in sources), ""
    except NotMapped as error:
        return None, str(error)
    except StageError as error:
        return None, error.what


def _singles(
    file: Path, cache: Path, part: str | None, library: Path | None, only: set[str]
) -> Iterator[Compared]:
    if part is None or family_of(part) is None:
        raise SystemExit(f"error: --part {part or '(missing)'}: give the part of the figures.")
    older = modules.read(library) if library else None
    toolchain.import_layers()
    with tempfile.TemporaryDirectory() as work:
        toolchain.prepare(Path(work) / "finn")
        from finn_worker.calibration import singles  # noqa: PLC0415  # FINN+, once it is set up

        with Mapper(str(family_of(part)), cache) as mapper:
            for nth, row in enumerate(singles.read(file)):
                if only and kind_of(row["kind"]) not in only:
                    continue
                folder = Path(work) / str(nth)
                folder.mkdir()
                try:
                    built = singles.sources(row, part, folder, older)
                    figures = singles.published(row)
                except (KeyError, ValueError) as error:
                    raise SystemExit(f"error: {file}, row {nth + 1}: {error!r}.") from error
                mapped, note = _try(mapper, built)
                yield Compared(
                    kind=kind_of(row["kind"]), layer=singles.name(row), alike=1, part=part,
                    tool="Vivado", vivado=figures, mapped=mapped, note=note,
                )  # fmt: skip


def _line(one: Compared) -> str:
    if one.mapped is None:
        return f"{one.kind:16} {one.layer}: not mapped: {one.note}"
    pairs = ((name, getattr(one.mapped, name), getattr(one.vivado, name)) for name in _SHOWN)
    told = ", ".join(f"{name} {mapped}/{vivado}" for name, mapped, vivado in pairs)
    return f"{one.kind:16} {one.layer} x{one.alike}: {told}"


_SHOWN = ("lut", "lutram", "ff", "bram18", "dsp")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
