"""How what a search found is shown: the designs, what binds, the front, and FINN's own search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from bench.console.terminal import Terminal, styled
from bench.console.text import counted
from contract.finn.cycles import HERTZ_PER_MHZ

Record = Mapping[str, Any]
SHOWN = (("lut", "LUT"), ("ff", "FF"), ("bram18", "BRAM18"), ("dsp", "DSP"))
BY_MODEL = (
    "LUT, FF, BRAM18 and DSP by the cost model, which is fitted to mapped layers, without the "
    "shell; size: the largest share of the part, with the shell."
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
    console.print(_designs(rows))
    console.print(BY_MODEL)
    for title, target, design in rows:
        where = f"{title}, {target['board']}, {design['goal']}: " if len(rows) > 1 else ""
        for line in _explained(target, design):
            console.print(styled("{}{}", where, line))
    for line in dict.fromkeys(_dma(title, metrics, len(found)) for title, metrics in found):
        console.print(line)
    if len(rows) == 1 and not rows[0][2]["reason"]:
        console.print(_layers(rows[0][2]))
    for title, metrics in found:
        for target in metrics["targets"]:
            _show_more(f"{title} on {target['board']}", target, console)


def _designs(rows: Sequence[tuple[str, Record, Record]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("network", "board", "goal"):
        table.add_column(heading, overflow="fold")
    _add_figures(table)
    table.add_column("binds")
    for title, target, design in rows:
        if design["reason"]:
            nothing = Text("nothing fits", "red")
            table.add_row(title, target["board"], design["goal"], nothing)
            continue
        table.add_row(
            title, target["board"], design["goal"], *_figures(target, design), _binds(design)
        )
    return table


def _add_figures(table: Table) -> None:
    for heading in ("cycles", "images/s", *(heading for _, heading in SHOWN), "size"):
        table.add_column(heading, justify="right", no_wrap=True)


def _figures(target: Record, design: Record) -> Iterator[str]:
    yield f"{design['interval']:,}"
    fps = target["clock_mhz"] * HERTZ_PER_MHZ / design["interval"]
    yield f"{fps:,.0f}" if fps >= 100 else f"{fps:,.1f}"
    yield from (f"{design['model'][key]:,}" for key, _ in SHOWN)
    yield f"{design['size']:.0%}"


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
        yield f"No folding is faster: {', '.join(faster['binds'])}."
        return
    over = [
        f"{share:.0%} of the {name.upper()}"
        for name, share in faster["shares"].items()
        if share > target["share"]
    ]
    yield (
        f"Nothing faster fits {target['share']:.0%} of {target['part']}: at "
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
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("layer", overflow="fold")
    table.add_column("built as", overflow="fold")
    for heading in ("cycles", *(heading for _, heading in SHOWN)):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in design["layers"]:
        table.add_row(layer["name"], _chosen(layer["chosen"]), f"{layer['cycles']:,}", *_of(layer))
    table.add_row("between them", "FIFOs, width converters", "", *_of(design["between"]))
    table.add_section()
    table.add_row("the shell", "stated reserve", "", *_of({"ff": 0, **design["reserve"]}))
    return table


def _chosen(chosen: Record) -> str:
    return ", ".join(f"{name} {value}" for name, value in chosen.items())


def _of(costs: Record) -> list[str]:
    return [f"{costs.get(key, 0):,}" for key, _ in SHOWN]


def _show_more(title: str, target: Record, console: Terminal) -> None:
    if target["front"]:
        console.print(styled("[bold]{}[/]: the fastest that fits, and each smaller one", title))
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        _add_figures(table)
        for design in target["front"]:
            table.add_row(*_figures(target, design))
        console.print(table)
    if target["compared"] is not None:
        console.print(styled("[bold]{}[/]: beside FINN's own search (SetFolding)", title))
        console.print(_compared(target))


def _compared(target: Record) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("search", overflow="fold")
    _add_figures(table)
    table.add_column("fits", justify="right")
    fitting = [design for design in target["designs"] if not design["reason"]]
    by_finn = target["compared"]["designs"]
    for design, other in zip(fitting, by_finn, strict=True):
        _add_compared(table, f"exact, {design['goal']}", target, design)
        _add_compared(table, f"SetFolding for {other['asked']:,} cycles", target, other)
    fastest = target["compared"]["fastest"]
    if fastest is None:
        table.add_row("SetFolding, fastest that fits", Text("none", "red"))
    else:
        _add_compared(table, "SetFolding, fastest that fits", target, fastest)
    return table


def _add_compared(table: Table, name: str, target: Record, design: Record) -> None:
    if design["reason"]:
        table.add_row(name, Text("cannot be", "red"))
        return
    fits = Text("yes") if design["size"] <= target["share"] + 1e-9 else Text("NO", "red bold")
    table.add_row(name, *_figures(target, design), fits)
