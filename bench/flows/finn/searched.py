"""How what a search found is shown: the designs, what binds, the front, and FINN's own search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from bench.console.tables import Column, Table
from bench.console.terminal import Terminal, styled
from bench.console.text import counted, number_text, percent
from bench.flows.finn.resources import UNITS
from contract.finn import parts
from contract.finn.cycles import HERTZ_PER_MHZ

Record = Mapping[str, Any]
BY_MODEL = (
    "LUT, FF, BRAM18 and DSP are what the cost model expects, which is fitted to mapped layers, "
    "without the shell. A run searches again when the network is trained, as thresholds depend on "
    "it (lut_model in results.csv), and maps what it found (lut_mapped); the report compares the "
    "two. Size: the largest share of the part, with the shell."
)

_FIGURES = tuple(
    Column(heading=heading, numeric=True, group="figures")
    for heading in ("cycles", "images/s", *UNITS.values(), "size")
)


def show(found: Sequence[tuple[str, Record]], console: Terminal) -> None:
    """Print what was found in each of several networks.

    Args:
        found: The title and the metrics of each.
        console: Where to.
    """
    if not found:
        return
    rows = [
        (title, target, design)
        for title, metrics in found
        for target in metrics["targets"]
        for design in target["designs"]
    ]
    _designs(rows).show(console)
    if any(not design["reason"] for *_, design in rows):
        console.print(BY_MODEL)
    for title, target, design in rows:
        where = f"{title}, {target['board']}, {design['goal']}: " if len(rows) > 1 else ""
        for line in _explained(target, design):
            console.print(styled("{}{}", where, line))
    for line in dict.fromkeys(_dma(title, metrics, len(found)) for title, metrics in found):
        console.print(line)
    if len(rows) == 1 and not rows[0][2]["reason"]:
        _layers(rows[0][2]).show(console)
    for title, metrics in found:
        for target in metrics["targets"]:
            _show_more(f"{title} on {target['board']}", target, console)


def _designs(rows: Sequence[tuple[str, Record, Record]]) -> Table:
    table = Table(
        [
            Column(heading="network", wraps=True),
            Column(heading="board", names=True, once=True),
            Column(heading="goal", names=True, once=True),
            *_FIGURES,
            Column(heading="binds", wraps=True),
        ]
    )
    for title, target, design in rows:
        named = (title, target["board"], design["goal"])
        if design["reason"]:
            table.add(*named, *("" for _ in _FIGURES), Text("no design", "red"))
        else:
            table.add(*named, *_figures(target, design), _binds(design))
    return table


def _figures(target: Record, design: Record) -> Iterator[str]:
    yield f"{design['interval']:,}"
    fps = target["clock_mhz"] * HERTZ_PER_MHZ / design["interval"]
    yield number_text(fps)
    yield from (f"{design['model'][key]:,}" for key in UNITS)
    yield percent(design["size"])


def _binds(design: Record) -> str:
    faster = design["faster"]
    if faster is None:
        return ""
    if faster["interval"] is None:
        return "foldings"
    return " ".join(name.upper() for name in faster["binds"])


def _explained(target: Record, design: Record) -> Iterator[str | Text]:
    """Why there is no design, or none that is faster."""
    if design["reason"]:
        yield design["reason"]
        return
    faster = design["faster"]
    if faster is None:
        return
    if faster["interval"] is None:
        yield f"No folding is faster: none takes fewer cycles for {', '.join(faster['binds'])}."
        return
    over = [
        f"{percent(share)} of the {name.upper()}"
        for name, share in faster["shares"].items()
        if share > target["share"]
    ]
    yield (
        f"Nothing faster fits {percent(target['share'])} of {target['part']}: at "
        f"{counted(faster['interval'], 'cycle')} the smallest design takes {', '.join(over)}. "
        f"More of any one of these would do: {', '.join(n.upper() for n in faster['binds'])}."
    )


def _dma(title: str, metrics: Record, count: int) -> str:
    where = f"{title}: " if count > 1 else ""
    cycles = metrics["dma_cycles"]
    return (
        f"{where}a DMA of 64 bits a cycle takes {counted(cycles, 'cycle')} per image: behind it, "
        "no design is faster."
    )


def _layers(design: Record) -> Table:
    numbers = (Column(heading=heading, numeric=True) for heading in ("cycles", *UNITS.values()))
    table = Table([Column(heading="layer"), Column(heading="built as", wraps=True), *numbers])
    for layer in design["layers"]:
        table.add(layer["name"], _chosen(layer["chosen"]), f"{layer['cycles']:,}", *_of(layer))
    table.add("between them", "FIFOs, width converters", "", *_of(design["between"]))
    table.end_section()
    table.add("the shell", "stated reserve", "", *_of({"ff": 0, **design["reserve"]}))
    return table


def _chosen(chosen: Record) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items())


def _of(costs: Record) -> list[str]:
    return [f"{costs.get(key, 0):,}" for key in UNITS]


def _show_more(title: str, target: Record, console: Terminal) -> None:
    if target["front"]:
        console.print(styled("[bold]{}[/]: the fastest that fits, and each smaller one", title))
        table = Table(_FIGURES)
        for design in target["front"]:
            table.add(*_figures(target, design))
        table.show(console)
    if target["compared"] is not None:
        console.print(styled("[bold]{}[/]: beside FINN's own search (SetFolding)", title))
        _compared(target).show(console)
        for line in _misfits(target):
            console.print(line)


def _compared(target: Record) -> Table:
    table = Table(
        [
            Column(heading="search", wraps=True),
            *_FIGURES,
            Column(heading="fits", numeric=True),
        ]
    )
    fitting = [design for design in target["designs"] if not design["reason"]]
    by_finn = target["compared"]["designs"]
    for design, other in zip(fitting, by_finn, strict=True):
        _add_compared(table, f"exact, {design['goal']}", target, design)
        _add_compared(table, f"SetFolding for {other['asked']:,} cycles", target, other)
    fastest = target["compared"]["fastest"]
    if fastest is None:
        table.add("SetFolding, fastest that fits", Text("none", "red"))
    else:
        _add_compared(table, "SetFolding, fastest that fits", target, fastest)
    return table


def _misfits(target: Record) -> Iterator[str]:
    """Which boards FINN's designs would fit that do not fit this one."""
    for design in target["compared"]["designs"]:
        if not design["reason"] and not _fits(target, design):
            reserve = target["reserve"]
            needed = {name: n + reserve.get(name, 0) for name, n in design["model"].items()}
            told = parts.told(parts.would_fit(needed, target["share"]))
            yield f"SetFolding for {counted(design['asked'], 'cycle')} would fit {told}."


def _fits(target: Record, design: Record) -> bool:
    return bool(design["size"] <= target["share"] + 1e-9)


def _add_compared(table: Table, name: str, target: Record, design: Record) -> None:
    if design["reason"]:
        table.add(name, Text("cannot be", "red"))
        return
    fits = Text("yes") if _fits(target, design) else Text("NO", "red bold")
    table.add(name, *_figures(target, design), fits)
