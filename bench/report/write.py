"""Write and show results; numbers are rounded on the terminal and in prose, never in the CSV."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import JustifyMethod
from rich.table import Table

from bench.errors import store_error
from bench.files import write_atomic
from bench.report.ratios import throughput_ratios
from bench.report.spread import over_seeds
from bench.report.summary import summarize
from bench.report.timing import read_timing, timing_line
from bench.terminal import Terminal, styled

PROVENANCE = {
    "accuracy": "trained network, whole test set",
    "ii_estimated": "estimated (FINN's analytic model)",
    "ii_simulated": "rtl-sim (FINN's RTL, cycle for cycle)",
    "fps_core": "clock / ii_simulated",
    "fps_measured": "see measured_on; includes the input and output DMA",
    "lut_synth": "Vivado, after synthesis, as are bram18_synth and dsp_synth",
    "wns_ns": "Vivado, after routing, as are fmax_mhz and power_w (an estimate)",
    "lut": "estimated (FINN's analytic model), as are bram18 and dsp",
    "dsp_instantiated": "DSP slices in the Verilog of FINN's MVAUs; fits takes the larger of both",
}


def write(results: pd.DataFrame, grid: str, folder: Path) -> tuple[Path, ...]:
    """Write `results.csv` and `results.md` to `folder`; the paths written.

    Raises:
        StoreError: The folder cannot be written.
    """
    csv, markdown = folder / "results.csv", folder / "results.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(csv, results.to_csv(index=False))
        timing = read_timing(folder)
        write_atomic(markdown, _as_markdown(results, grid, timing_line(timing) if timing else ""))
    except OSError as error:
        raise store_error(error, folder) from error
    return csv, markdown


def write_more(
    results: pd.DataFrame, trainings: pd.DataFrame, grid: str, folder: Path
) -> tuple[Path, ...]:
    """Write `trainings.csv` and, where a point has several seeds, `seeds.csv` and `seeds.md`.

    Raises:
        StoreError: The folder cannot be written.
    """
    texts = {"trainings.csv": trainings.to_csv(index=False)}
    if results["seed"].nunique() > 1:
        spread = over_seeds(results)
        texts["seeds.csv"] = spread.to_csv(index=False)
        texts["seeds.md"] = (
            f"# Grid '{grid}' over its seeds\n\n{_markdown_table(spread, DATASET | SPREAD)}\n\n"
            "Mean and standard deviation (of a sample); more columns: seeds.csv.\n"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise store_error(error, folder) from error
    return tuple(folder / name for name in texts)


def show(results: pd.DataFrame, grid: str, console: Terminal) -> None:
    """Print two tables, each narrow enough for 80 columns, and the ratios."""
    networks = ", ".join(dict.fromkeys(results["network"] + " on " + results["dataset"]))
    console.print(styled("\n[bold]Results of grid '{}'[/]: {}", grid, networks))
    if len(results) > MANY:
        console.print(_table(summarize(results), SUMMARY_COLUMNS))
        console.print(f"{len(results)} points; each one is in results.csv.")
    else:
        for columns in (THROUGHPUT, RESOURCES):
            console.print(_table(results, columns))
    if results["seed"].nunique() > 1 and len(results) <= MANY:
        console.print(_table(over_seeds(results), SPREAD))
    for line in [*_few(_ratio_lines(results)), *_synthesis_lines(results)]:
        console.print(line)
    for line in _reason_lines(results):
        console.print(line)


def _table(rows: pd.DataFrame, columns: Columns) -> Table:
    """A table; several data sets get a line each above their rows: 80 columns hold no more."""
    several = rows["dataset"].nunique() > 1
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for name in columns:
        justify: JustifyMethod = "left" if name in TEXT_COLUMNS else "right"
        # Where it gets narrow, names break into lines; a number that is cut off would mislead.
        table.add_column(name, justify=justify, no_wrap=name != "experiment", overflow="fold")
    dataset = None
    for _, row in rows.iterrows():
        if several and row["dataset"] != dataset:
            dataset = row["dataset"]
            table.add_row(styled("[bold]{}[/]", dataset))
        cells = {name: cell(row) for name, cell in columns.items()}
        if "status" in cells:  # of which stage, and why, stands below the table
            cells["status"] = cells["status"].split(":")[0]
        table.add_row(*cells.values())
    return table


def _experiment(row: Any) -> str:
    return f"w{row['weight_bits']}a{row['act_bits']} s{row['seed']} {row['folding']}"


def _named(row: Any, with_dataset: bool) -> str:
    return f"{row['dataset']} {_experiment(row)}" if with_dataset else _experiment(row)


def _few(lines: list[str]) -> list[str]:
    """The first lines, and how many there are besides."""
    if len(lines) <= RATIOS_SHOWN:
        return lines
    return [*lines[:RATIOS_SHOWN], f"... and {len(lines) - RATIOS_SHOWN} more, in results.md"]


def _mean(row: Any, name: str, factor: float, digits: int, unit: str = "") -> str:
    mean = _format(row[f"{name}_mean"], factor, digits, unit)
    spread = _format(row[f"{name}_std"], factor, digits, unit)
    return f"{mean} ± {spread}" if spread else mean


Columns = dict[str, Callable[[Any], str]]
TEXT_COLUMNS = (
    "experiment", "exact", "measured on", "fits", "status", "data set", "folding", "best", "worst",
)  # fmt: skip
# More points than that are summed up on the terminal.
MANY = 60
RATIOS_SHOWN = 6
DATASET: Columns = {"data set": lambda row: row["dataset"]}
SUMMARY_COLUMNS: Columns = {
    "folding": lambda row: row["folding"],
    "done": lambda row: f"{row['done']}/{row['points']}",
    "infeas.": lambda row: str(row["infeasible"]),
    "failed": lambda row: str(row["failed"]),
    "exact": lambda row: str(row["bit_exact"]),
    "II off": lambda row: _format(row["ii_deviation"], 100, 2, "%"),
    "fit": lambda row: str(row["fits"]),
    "best": lambda row: row["best"],
    "worst": lambda row: row["worst"],
}
THROUGHPUT: Columns = {
    "experiment": _experiment,
    "accuracy": lambda row: _format(row["accuracy"], 100, 2, "%"),
    "exact": lambda row: _yes_no(row["bit_exact"]),
    "II est.": lambda row: _format(row["ii_estimated"], 1, 0),
    "II sim.": lambda row: _format(row["ii_simulated"], 1, 2),
    "fps core": lambda row: _format(row["fps_core"], 1, 0),
    "fps meas.": lambda row: _format(row["fps_measured"], 1, 0),
    "status": lambda row: row["status"],
}
RESOURCES: Columns = {
    "experiment": _experiment,
    "latency": lambda row: _format(row["latency_cycles"], 1, 0),
    "sim. accuracy": lambda row: _format(row["sim_accuracy"], 100, 2, "%"),
    "measured on": lambda row: _text(row["measured_on"]),
    "LUT": lambda row: _format(row["lut"], 1, 0),
    "BRAM18": lambda row: _format(row["bram18"], 1, 0),
    "DSP": lambda row: _format(row["dsp"], 1, 0),
    "fits": lambda row: _yes_no(row["fits"]),
}


SPREAD: Columns = {
    "experiment": lambda row: f"w{row['weight_bits']}a{row['act_bits']} {row['folding']}",
    "seeds": lambda row: str(row["seeds"]),
    "accuracy": lambda row: _mean(row, "accuracy", 100, 2, "%"),
    "sim. accuracy": lambda row: _mean(row, "sim_accuracy", 100, 2, "%"),
    "II sim.": lambda row: _mean(row, "ii_simulated", 1, 2),
}


def _format(value: Any, factor: float, digits: int, unit: str = "") -> str:
    return "" if pd.isna(value) else f"{value * factor:,.{digits}f}{unit}"


def _yes_no(value: Any) -> str:
    return "" if pd.isna(value) else ("yes" if value else "NO")


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _ratio_lines(results: pd.DataFrame) -> list[str]:
    lines = []
    for ratio in throughput_ratios(results):
        measured = "" if ratio.measured is None else f"; with the DMA: {ratio.measured:.1f}x"
        lines.append(
            f"{ratio.point}: '{ratio.fast}' is {ratio.core:.1f}x as fast as '{ratio.slow}' "
            f"(core{measured})"
        )
    return lines


def _reason_lines(results: pd.DataFrame) -> list[str]:
    """Why points are infeasible or failed; each reason once, with how many it stops."""
    stopped = results[results["reason"].notna() & results["status"].ne("done")]
    several = results["dataset"].nunique() > 1
    return [
        f"{len(rows)} x {status}, such as {_named(rows.iloc[0], several)}: {reason}"
        for (status, reason), rows in stopped.groupby(["status", "reason"], sort=False)
    ]


def _synthesis_lines(results: pd.DataFrame) -> list[str]:
    """How many bitstreams were built, and why others were not."""
    counts = results["synthesis"].dropna().value_counts()
    return [f"bitstreams: {number} {state}" for state, number in counts.items()]


def _as_markdown(results: pd.DataFrame, grid: str, timing: str) -> str:
    several = DATASET if results["dataset"].nunique() > 1 else {}
    provenance = "\n".join(f"- `{name}`: {origin}" for name, origin in PROVENANCE.items())
    synthesis = "\n".join(f"- {line}" for line in _synthesis_lines(results))
    ratios = "\n".join(f"- {line}" for line in _ratio_lines(results))
    reasons = "\n".join(f"- {_one_line(line)}" for line in _reason_lines(results))
    return (
        f"# Results of grid '{grid}'\n\n"
        f"{_markdown_table(summarize(results), DATASET | SUMMARY_COLUMNS)}\n\n"
        f"{_markdown_table(results, several | THROUGHPUT)}\n\n"
        f"{_markdown_table(results, several | RESOURCES)}\n\n"
        f"## Throughput ratios\n\n{ratios or 'None: fewer than two foldings simulated.'}\n\n"
        f"## Synthesis\n\n{synthesis}\n\n"
        f"## Not done\n\n{reasons or 'Nothing is infeasible, nothing failed.'}\n\n"
        f"## Time\n\n{timing or 'Nothing was made for this report.'}\n\n"
        f"## Where the numbers come from\n\n{provenance}\n\n"
        "Unrounded numbers and more columns: results.csv.\n"
    )


def _one_line(text: str) -> str:
    """Text of any tool's as an item of a list in Markdown, which takes `<` for HTML."""
    return html.escape(" ".join(text.split()), quote=False)


def _markdown_table(results: pd.DataFrame, columns: Columns) -> str:
    rows = [[cell(row) for cell in columns.values()] for _, row in results.iterrows()]
    lines = [list(columns), ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
