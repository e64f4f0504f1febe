"""Write results to files; numbers are rounded in prose, never in the CSV."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import store_error
from bench.report import cells, remarks
from bench.report.cells import DATASET, Columns
from bench.report.spread import over_seeds
from bench.report.summary import summarize
from bench.report.timing import read_timing, timing_line
from bench.system.files import write_atomic
from bench.words import NOT_DONE, Status

PROVENANCE = {
    "accuracy": "trained network, whole test set",
    "ii_estimated": "estimated (FINN's analytic model)",
    "ii_simulated": "rtl-sim (FINN's RTL, cycle for cycle)",
    "fps_core": "clock / ii_simulated",
    "fps_measured": "see measured_on; includes the input and output DMA; at clock_measured_mhz",
    "torch": "images of the class that torch gives them (agreeing_with_torch), of sim_images",
    "lut_synth": "Vivado, after synthesis, as are bram18_synth and dsp_synth",
    "wns_ns": "Vivado, after routing, as are fmax_mhz and power_w (an estimate)",
    "lut": "estimated (FINN's analytic model), as are bram18 and dsp; a part where lut_scope says "
    "so: it charges the layers in lut_uncharged none",
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
            f"# Grid '{grid}' over its seeds\n\n"
            f"{_table(spread, cells.over_seeds_name(spread), DATASET | cells.SPREAD)}\n\n"
            "Mean and standard deviation (of a sample); more columns: seeds.csv.\n"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise store_error(error, folder) from error
    return tuple(folder / name for name in texts)


def _as_markdown(results: pd.DataFrame, grid: str, timing: str) -> str:
    several = DATASET if results["dataset"].nunique() > 1 else {}
    name = cells.name_of(results, with_dataset=False)
    provenance = "\n".join(f"- `{column}`: {origin}" for column, origin in PROVENANCE.items())
    notes = [
        *remarks.reason_lines(results, (Status.DONE,)),
        *remarks.clock_lines(results),
        *remarks.torch_lines(results),
        *remarks.part_lines(results),
    ]
    wrong = remarks.reason_lines(results, (Status.WRONG,))
    stopped = remarks.reason_lines(results, NOT_DONE)
    return (
        f"# Results of grid '{grid}'\n\n"
        + (f"## WRONG: not to be used\n\n{_list(wrong, '')}\n\n" if wrong else "")
        + f"{_table(summarize(results), None, DATASET | cells.SUMMARY)}\n\n"
        f"{_table(results, name, several | cells.THROUGHPUT)}\n\n"
        f"{_table(results, name, several | cells.RESOURCES)}\n\n"
        + (f"{_list(notes, '')}\n\n" if notes else "")
        + f"## Throughput ratios\n\n"
        f"{_list(remarks.ratio_lines(results), 'None: fewer than two foldings simulated.')}\n\n"
        f"## Synthesis\n\n{_list(remarks.synthesis_lines(results), '')}\n\n"
        f"## Not done\n\n"
        f"{_list(stopped, 'Nothing is infeasible, nothing failed.')}"
        f"\n\n## Time\n\n{timing or 'Nothing was made for this report.'}\n\n"
        f"## Where the numbers come from\n\n{provenance}\n\n"
        "Unrounded numbers and more columns: results.csv.\n"
    )


def _list(lines: list[str], none: str) -> str:
    return "\n".join(f"- {_one_line(line)}" for line in lines) or none


def _one_line(text: str) -> str:
    """Text of any tool's as an item of a list in Markdown, which takes `<` for HTML."""
    return html.escape(" ".join(text.split()), quote=False)


def _table(rows: pd.DataFrame, name: Callable[[Any], str] | None, columns: Columns) -> str:
    """A table in Markdown; the data set, where there is a column for it, comes first."""
    first = {key: cell for key, cell in columns.items() if key in DATASET}
    named = first | ({"experiment": name} if name else {}) | columns
    lines = [[cell(row) for cell in named.values()] for _, row in rows.iterrows()]
    table = [list(named), ["---"] * len(named), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)
