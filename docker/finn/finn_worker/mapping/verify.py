"""The netlists of a design, simulated beside the RTL, layer by layer and FIFO by FIFO.

Each is equal in every cycle to the module that it takes the place of, and so are all of them
together to the design.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finn_worker.accelerator import Accelerator, fifo_table
from finn_worker.mapping import layers, netlist
from finn_worker.mapping.cores import Divided, Part, divided
from finn_worker.mapping.mapped import Source
from finn_worker.mapping.mapper import Mapper, NotMapped
from finn_worker.mapping.recipe import FAMILIES
from stagekit import Reporter, Request, StageError

SEVEN = FAMILIES[0]


@dataclass(frozen=True)
class Checked:
    """A layer or a FIFO to be compared.

    Attributes:
        divided: To be mapped, with the contents of its memories.
        rtl: As FINN has it.
        beats: Words in an image of each of its outputs, by the name of their data.
    """

    name: str
    divided: Divided
    rtl: Source
    beats: Mapping[str, int]


def check_family(family: str, part: str) -> None:
    """Refuse a part whose primitives have no models.

    Raises:
        StageError: It is not of the 7 series.
    """
    if family != SEVEN:
        raise StageError(
            f"The netlist of a design for {part} cannot be simulated: there are models of the "
            "primitives of the 7 series only.",
            "Leave `netlist` out, or choose a board with a part of the 7 series.",
        )


def verify(
    accelerator: Accelerator,
    depths: Sequence[int],
    images: int,
    mapper: Mapper,
    request: Request,
    reporter: Reporter,
) -> dict[str, Any]:
    """Map every layer and FIFO with the contents of its memories, and simulate it beside its RTL.

    Args:
        accelerator: The design.
        depths: Of its FIFOs.
        images: How many go through each.
        mapper: Of the part's family.
        request: Its cache keeps simulators.
        reporter: Told what is compared.

    Returns:
        For metrics.json: images; cycles and transfers in total; how many are `equal`, names of
        those that are `different` with the first cycle in which they are, and why others were
        `not_compared`.
    """
    found: dict[str, Any] = {"images": images, "cycles": 0, "transfers": 0, "equal": 0}
    found |= {"different": {}, "not_compared": {}}
    known: dict[tuple[str, ...], netlist.Compared | str] = {}
    of_design = list(checked(accelerator, depths))
    for number, one in enumerate(of_design, start=1):
        key = tuple(mapper.key(part.source, part.boxes) for part in one.divided.parts)
        if key not in known:
            known[key] = _compared(one, images, accelerator.ii_estimated, mapper, request)
        _count(found, one.name, known[key])
        reporter.progress(number, len(of_design), "netlist", one.name)
    return found


def _compared(
    one: Checked, images: int, interval: int, mapper: Mapper, request: Request
) -> netlist.Compared | str:
    """What came of its simulation, or why there was none."""
    parts = one.divided.parts
    try:
        mapped = [mapper.layer(part.source, boxes=part.boxes) for part in parts]
    except NotMapped as finding:
        return str(finding)
    with tempfile.TemporaryDirectory(dir=request.scratch) as folder:
        return netlist.compare(
            one.rtl,
            netlist.composed(parts, mapped),
            {name: images * count for name, count in one.beats.items()},
            cache=request.cache,
            scratch=Path(folder),
            silent=100_000 + 20 * interval,
            processes=request.cpus,
        )


def _count(found: dict[str, Any], name: str, result: netlist.Compared | str) -> None:
    if isinstance(result, str):
        found["not_compared"][name] = result
        return
    found["cycles"] += result.cycles
    found["transfers"] += result.transfers
    if result.different:
        found["different"][name] = result.first
    else:
        found["equal"] += 1


def reason(found: Mapping[str, Any]) -> str:
    """What is said of netlists that differ."""
    names = ", ".join(f"{name} (from cycle {first})" for name, first in found["different"].items())
    return f"The mapped netlist does something else than the RTL: {names}."


def checked(accelerator: Accelerator, depths: Sequence[int]) -> Iterator[Checked]:
    """The layers and the FIFOs of a design; there is a depth for each stream."""
    yield from _layers(accelerator)
    yield from _fifos(accelerator, depths)


def _layers(accelerator: Accelerator) -> Iterator[Checked]:
    design, rtl = accelerator.design, accelerator.bundle / "rtl"
    for node in design["nodes"]:
        yield Checked(
            node["name"],
            divided(layers.layer(node, design, rtl, contents=True), exact=True),
            layers.original(node, design, rtl),
            {
                f"s{number}_data": int(design["streams"][stream]["beats"])
                for number, stream in enumerate(node["outputs"].values(), len(node["inputs"]))
            },
        )


def _fifos(accelerator: Accelerator, depths: Sequence[int]) -> Iterator[Checked]:
    text = (accelerator.bundle / "rtl" / "lib" / "fifo.sv").read_text(encoding="utf-8")
    streams = accelerator.design["streams"]
    for fifo, stream in zip(fifo_table(accelerator.design, depths), streams, strict=True):
        size = fifo["width_bits"], fifo["depth"]
        source = layers.fifo(*size, text)
        yield Checked(
            f"the FIFO {fifo['stream']}",
            Divided((Part(source),)),
            layers.original_fifo(*size, text),
            {"odat": int(stream["beats"])},
        )
