"""How the findings of an inspection are shown: tables of layers and designs, and what they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from bench.console.tables import Column, Table
from bench.console.terminal import Terminal, styled
from bench.console.text import counted, listed, number_text
from bench.flows.finn.resources import REPORTED
from contract.finn import parts
from contract.finn.cores import LUT
from contract.finn.cycles import HERTZ_PER_MHZ
from contract.finn.folding import divisors
from contract.finn.inspect import SMALLEST

Record = Mapping[str, Any]
BY = {
    "estimate": "FINN+'s estimates, without FIFOs between layers, DMA engines and the shell "
    "around.",
    "model": "by the cost model of the search, FIFOs and width converters included; it fits or not "
    "with the shell around, DMA engines included.",
}
"""Where the resources of a design are from."""
RTL, HLS, OF_LUTS, HOST = "RTL", "HLS", "LUT", "host"


def show(metrics: Record, console: Terminal) -> None:
    """Print what an inspection found: all of it where there is one design, else a row for each."""
    designs = metrics["designs"]
    possible = [design for design in designs if design["reason"] is None]
    single = possible[0] if len(designs) == len(possible) == 1 else None
    shown = single or next(iter(possible), None)
    places = {layer["name"]: _place(layer) for layer in shown["layers"]} if shown else {}
    _layer_table(metrics, single, places).show(console)
    for line in _legend(metrics, shown, single=single is not None):
        console.print(line)
    if single is not None:
        for line in _verdict(single):
            console.print(line)
    else:
        _design_table(designs).show(console)
        for line in _refused(designs) if possible else ():  # else the failure says it
            console.print(line)
        for line in _misfits(designs):
            console.print(line)
    for line in _sources(possible):
        console.print(line)
    for fault in metrics["known_faults"]:
        console.print(styled("[yellow]note[/] {}", fault))


def _sources(designs: Sequence[Record]) -> Iterator[str]:
    """Where the figures of resources are from."""
    named: dict[str, list[str]] = {}
    for design in designs:
        named.setdefault(design["by"], []).append(design["folding"])
    for source, foldings in named.items():
        of = f" of {listed(dict.fromkeys(foldings))}" if len(named) > 1 else ""
        yield f"Resources{of}: {BY[source]}"


def _refused(designs: Sequence[Record]) -> Iterator[Text]:
    """Why designs cannot be, each reason once."""
    named: dict[tuple[str, str], list[str]] = {}
    for design in designs:
        if design["reason"] is not None:
            named.setdefault((design["folding"], design["reason"]), []).append(design["board"])
    several = len({design["board"] for design in designs}) > 1
    for (folding, reason), boards in named.items():
        where = f"{folding} on {listed(boards)}" if several else folding
        yield styled("{} {}: {}", where, Text("cannot be", "red"), reason)


def _misfits(designs: Sequence[Record]) -> Iterator[str]:
    """Which boards the designs would fit that do not fit theirs, each answer once."""
    named: dict[str, list[str]] = {}
    for design in designs:
        if design["reason"] is None and not design["fits"]:
            names = named.setdefault(parts.told(_would_fit(design)), [])
            names += [design["folding"]] if design["folding"] not in names else []
    for told, foldings in named.items():
        yield f"By the same figures, {listed(foldings)} would fit {told}."


def _would_fit(design: Record) -> list[str]:
    needed, reserve = design["needed"], design.get("reserve", {})
    total = {name: needed[name] + reserve.get(name, 0) for name in design["available"]}
    return parts.would_fit({**total, "dsp": max(total["dsp"], needed.get("dsp_instantiated", 0))})


def _layer_table(metrics: Record, design: Record | None, places: Mapping[str, Text]) -> Table:
    """Layers in the order in which data pass them, the host's share around them."""
    figures = {layer["name"]: layer for layer in design["layers"]} if design else {}
    described = {layer["name"]: layer for layer in metrics["layers"]}
    headings = ("PE", "SIMD", *(("cycles", *REPORTED.values()) if design else ()))
    table = Table(
        [
            Column(heading="layer", wraps=True),
            Column(heading="in"),
            *(Column(heading=heading, numeric=True) for heading in headings),
        ]
    )
    for node in metrics["host"]["before"]:
        table.add(_named(node["op"], node["what"]), Text(HOST, "yellow"))
    for name in figures or described:
        own, folded = described.get(name), figures.get(name)
        is_slowest = bool(design and folded and folded["cycles"] == design["ii_estimated"])
        table.add(
            _named(name, _what(own), slowest=is_slowest),
            places.get(name, ""),
            *_foldings(own, folded),
            *_figures(folded, slowest=is_slowest),
        )
    for node in metrics["host"]["after"]:
        table.add(_named(node["op"], node["what"]), Text(HOST, "yellow"))
    if design is not None:
        if design["by"] == "model":
            table.add("between them\nFIFOs, width converters", *_resources(design["between"]))
        table.end_section()
        table.add(Text("total", "bold"), *_resources(design["needed"]))
        if design["by"] == "model":
            table.add("the shell, stated reserve", *_resources(design["reserve"]))
        table.add(Text(design["part"], "bold"), *_resources(design["available"]))
    return table


def _resources(values: Record) -> Iterator[str]:
    """Of a row that is no layer: no place, no folding, no cycles."""
    yield from ("", "", "", "")
    yield from (f"{values.get(key, 0):,}" for key in REPORTED)


def _named(name: str, what: str, *, slowest: bool = False) -> Text:
    mark = Text(" <- slowest", "red bold") if slowest else Text("")
    return styled("{}{}\n[dim]{}[/]", name, mark, what) if what else styled("{}{}", name, mark)


def _what(layer: Record | None) -> str:
    if layer is None:
        return ""
    weights = f" x {layer['weights']}" if layer["weights"] else ""
    types = f"{layer['input_datatype']}{weights}, to {_shape(layer['output_shape'])}"
    return "\n".join(filter(None, (layer["what"], types)))


def _shape(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes)) or "1"


def _place(folded: Record) -> Text:
    if folded["core"] == LUT:
        return Text(OF_LUTS, "cyan")
    built = HLS if folded["op_type"].endswith("_hls") else RTL
    return Text(f"{built}*", "cyan") if folded["stand_in"] else Text(built)


def _foldings(own: Record | None, folded: Record | None) -> Iterator[str]:
    """What folds a layer: its value, and what that has to divide."""
    for term in ("pe", "simd"):
        could = own[term] if own else None
        if could is None:
            yield ""
            continue
        value = f"{folded[term]}/" if folded and folded[term] is not None else ""
        yield f"{value}{_divided(own, term, could)}"


def _divided(own: Record | None, term: str, could: Sequence[int]) -> str:
    """The number that values have to divide, with a sign where they may not be all of it."""
    most = own["mw"] if own and term == "simd" and own["mw"] else max(could)
    if list(could) == divisors(most):
        return f"{most}"
    return f"{most}-" if list(could) == divisors(most)[:-1] else " ".join(map(str, could))


def _figures(folded: Record | None, *, slowest: bool) -> Iterator[Text | str]:
    if folded is None:
        return
    yield Text(f"{folded['cycles']:,}", "red bold" if slowest else "")
    yield from ("" if folded[key] is None else f"{folded[key]:,}" for key in REPORTED)


def _legend(metrics: Record, design: Record | None, *, single: bool) -> Iterator[str | Text]:
    layers = metrics["layers"]
    kinds = Counter(layer["kind"] for layer in layers)
    of = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    yield f"In hardware: {counted(len(layers), 'layer')} ({of})."
    before, after = (metrics["host"][side] for side in ("before", "after"))
    first, last = (", ".join(node["op"] for node in side) or "nothing" for side in (before, after))
    yield f"Left to the host's processor: {first} before, {last} after them."
    has_matrix = any(layer["mw"] for layer in layers)
    also = "; 64- is any but 64 itself, which loses results" if has_matrix else ""
    yield f"PE and SIMD have to divide the number {'after the slash' if single else 'shown'}{also}."
    placed = design["layers"] if design else ()
    if any(layer["stand_in"] for layer in placed):
        yield "HLS*: FINN+ has no RTL of it; Verilog of ours is simulated, Vitis HLS builds it."
    if any(layer["core"] == LUT for layer in placed):
        yield (
            f"{OF_LUTS}: bench's own core of LUTs is simulated; for the board, FINN+ would build "
            "its layer of LUTs in HLS."
        )
    plain = (each for each in placed if not each["stand_in"] and each["core"] != LUT)
    if any(layer["op_type"].endswith("_hls") for layer in plain):
        yield "HLS: what FINN+ would build; its RTL of the same layer is simulated."


def _verdict(design: Record) -> Iterator[str | Text]:
    yield (
        f"One image each {counted(design['ii_estimated'], 'cycle')} ({design['bottleneck']}): "
        f"{_speed(design)} images/s at {design['clock_mhz']:g} MHz on {design['board']}, folded "
        f"as {design['folding']}."
    )
    if design["folding"] == SMALLEST:
        yield "That is the smallest and slowest folding; give another with --folding."
    if design["note"]:
        yield styled("[yellow]note[/] {}", design["note"])
    if not design["fits"]:
        told = parts.told(_would_fit(design))
        yield styled(
            "[red]It does not fit {}.[/] By the same figures, it would fit {}.",
            design["part"],
            told,
        )
    for resource, kinds in design["uncharged"].items():
        if kinds:
            of = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
            yield f"FINN+ estimates no {resource.upper()} for {of}: the total is without."


def _speed(design: Record) -> str:
    fps = design["clock_mhz"] * HERTZ_PER_MHZ / design["ii_estimated"]
    return number_text(fps)


def _design_table(designs: Sequence[Record]) -> Table:
    figures = ("cycles", "images/s", *REPORTED.values(), "fits")
    table = Table(
        [
            Column(heading="folding", wraps=True),
            Column(heading="board", names=True, once=True),
            Column(heading="slowest", wraps=True),
            *(Column(heading=heading, numeric=True, group="figures") for heading in figures),
        ]
    )
    for design in designs:
        if design["reason"] is not None:
            table.add(design["folding"], design["board"], Text("cannot be", "red"))
            continue
        fits = Text("yes") if design["fits"] else Text("NO", "red bold")
        needed = [f"{design['needed'][key]:,}" for key in REPORTED]
        cells = (f"{design['ii_estimated']:,}", _speed(design), *needed)
        table.add(design["folding"], design["board"], design["bottleneck"], *cells, fits)
    return table
