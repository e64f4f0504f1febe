"""Write and show results; numbers are rounded on the terminal and in prose, never in the CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from bench.errors import store_error
from bench.report.ratios import throughput_ratios

PROVENANCE = {
    "accuracy": "trained network, whole test set",
    "ii_estimated": "estimated (FINN's analytic model)",
    "ii_simulated": "rtl-sim (FINN's RTL, cycle for cycle)",
    "fps_core": "clock / ii_simulated",
    "fps_measured": "see measured_on; includes the input and output DMA",
    "lut": "estimated (FINN's analytic model), as are bram18 and dsp",
}


def write(results: pd.DataFrame, grid: str, folder: Path) -> tuple[Path, ...]:
    """Write `results.csv` and `results.md` to `folder`; the paths written.

    Raises:
        StoreError: The folder cannot be written.
    """
    csv, markdown = folder / "results.csv", folder / "results.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(csv, results.to_csv(index=False))
        _replace(markdown, _as_markdown(results, grid))
    except OSError as error:
        raise store_error(error, folder) from error
    return csv, markdown


def show(results: pd.DataFrame, grid: str, console: Console) -> None:
    """Print the table and the ratios."""
    table = Table(title=f"Results of grid '{grid}'", title_justify="left")
    for name in SHOWN:
        table.add_column(name, justify="left" if name in TEXT_COLUMNS else "right")
    for row in _shown_rows(results):
        table.add_row(*row)
    console.print(table)
    for line in _ratio_lines(results):
        console.print(line, highlight=False)


TEXT_COLUMNS = ("experiment", "bit exact", "measured on", "fits", "status")
SHOWN = (
    "experiment", "accuracy %", "sim accuracy %", "bit exact", "II est.", "II sim.",
    "latency", "fps core", "fps measured", "measured on", "LUT", "BRAM18", "DSP", "fits", "status",
)  # fmt: skip


def _shown_rows(results: pd.DataFrame) -> list[list[str]]:
    return [
        [
            f"{row['network']} {row['dataset']} w{row['weight_bits']}a{row['act_bits']} "
            f"{row['folding']}",
            _format(row["accuracy"], 100, 2),
            _format(row["sim_accuracy"], 100, 2),
            _yes_no(row["bit_exact"]),
            _format(row["ii_estimated"], 1, 0),
            _format(row["ii_simulated"], 1, 2),
            _format(row["latency_cycles"], 1, 0),
            _format(row["fps_core"], 1, 0),
            _format(row["fps_measured"], 1, 0),
            _text(row["measured_on"]),
            _format(row["lut"], 1, 0),
            _format(row["bram18"], 1, 0),
            _format(row["dsp"], 1, 0),
            _yes_no(row["fits"]),
            row["status"],
        ]
        for _, row in results.iterrows()
    ]


def _format(value: Any, factor: float, digits: int) -> str:
    return "" if pd.isna(value) else f"{value * factor:,.{digits}f}"


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


def _as_markdown(results: pd.DataFrame, grid: str) -> str:
    rows = [list(SHOWN), ["---"] * len(SHOWN), *_shown_rows(results)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    provenance = "\n".join(f"- `{name}`: {origin}" for name, origin in PROVENANCE.items())
    ratios = "\n".join(f"- {line}" for line in _ratio_lines(results))
    return (
        f"# Results of grid '{grid}'\n\n{table}\n\n"
        f"## Throughput ratios\n\n{ratios or 'None: fewer than two foldings simulated.'}\n\n"
        f"## Where the numbers come from\n\n{provenance}\n\n"
        "Unrounded numbers and more columns: results.csv.\n"
    )


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
