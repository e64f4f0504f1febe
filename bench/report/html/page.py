"""The page: what goes into it, and the template that puts it there."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bench import __version__, status
from bench.console.text import counted, duration_text
from bench.report import remarks
from bench.report.cells import at_another_clock
from bench.report.figures import Figure, Rendered
from bench.report.figures.frames import bits_label, listed
from bench.report.html import table
from bench.report.html.provenance import About, Link, Provenance, Record
from bench.report.material import Material
from bench.report.timing import Rows, timing_line

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
MARKS = {
    "reproduced": "✓", "partly": "◐", "not reproduced": "✗", "not testable": "○",
    "done": "✓", "wrong": "✗", "infeasible": "⊘", "failed": "✗", "skipped": "○", "missing": "○",
}  # fmt: skip


Stopped = tuple[str, str, list[table.Row]]


@dataclass(frozen=True)
class Drawn:
    """A figure with its files' names; `svg` is None when there is nothing to draw."""

    figure: Figure
    svg: str | None
    files: tuple[str, ...]


def draw(figure: Figure, rendered: Rendered | None, files: tuple[str, ...]) -> Drawn:
    """`figure` for the page."""
    return Drawn(figure, rendered.inline if rendered else None, files)


def render_page(
    material: Material,
    figures: Sequence[Drawn],
    provenance: Provenance,
    about: About,
    claims: Sequence[Mapping[str, Any]] | None,
    timing: Rows,
) -> str:
    """The whole page as text.

    Args:
        material: What was found.
        figures: In order.
        provenance: Of all artifacts in `material`.
        about: How it was run.
        claims: As in claims.json under "claims"; None when they were not judged.
        timing: As in timing.json; empty when nothing was predicted.
    """
    columns = table.columns_of(material.results)
    rows = table.rows_of(material, columns)
    script = _read("report.js")
    return _template().render(
        material=material,
        title=_title(material),
        subtitle=_subtitle(material),
        facts=_facts(material, provenance, rows),
        claims=claims,
        figures=figures,
        columns=columns,
        groups=table.groups_of(columns),
        rows=rows,
        places=_places(rows, provenance),
        wrong=_stopped(rows, {status.WRONG}),
        stopped=_stopped(rows, status.NOT_DONE),
        remarks=_remarks(material),
        logs=_logs(provenance),
        stages=_stages(provenance),
        by_stage=_by_stage(provenance),
        timing=timing,
        timing_line=timing_line(timing) if timing else "",
        provenance=provenance,
        references=_references(material),
        about=about,
        marks=MARKS,
        version=__version__,
        style=_read("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


@cache
def _template() -> jinja2.Template:
    import jinja2  # noqa: PLC0415  # only a report needs it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration_text
    environment.filters["counted"] = counted
    return environment.get_template("page.html.j2")


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _remarks(material: Material) -> list[str]:
    """What has to be said of the table's numbers."""
    results = material.results
    return [
        *remarks.reason_lines(results, (status.DONE,)),
        *remarks.clock_lines(results),
        *remarks.torch_lines(results),
        *remarks.part_lines(results),
    ]


def _places(rows: Sequence[table.Row], provenance: Provenance) -> dict[str, tuple[str, str]]:
    """Where a name that a claim rests on leads, and what the link says: a row, or a training."""
    trainings = {
        record.name: (record.id, record.name)
        for record in provenance.records.values()
        if record.stage == "train"
    }
    return trainings | {row.name: (f"row-{row.number}", row.link) for row in rows}


def _title(material: Material) -> str:
    if material.results.empty:
        return f"Grid {material.grid}"
    networks = listed(dict.fromkeys(material.results["network"]))
    return f"{networks} on {listed(dict.fromkeys(material.results['dataset']))}"


def _subtitle(material: Material) -> str:
    results = material.results
    if results.empty:
        return "The grid has no points."
    bits = len(results[["weight_bits", "act_bits"]].astype(str).drop_duplicates())
    parts = [
        counted(bits, "precision"),
        counted(results["folding"].nunique(), "folding"),
        *([counted(n, "seed")] if (n := results["seed"].nunique()) > 1 else []),
        *([counted(n, "data set")] if (n := results["dataset"].nunique()) > 1 else []),
    ]
    return f"{counted(len(results), 'point')}: {' x '.join(parts)}"


def _facts(
    material: Material, provenance: Provenance, rows: Sequence[table.Row]
) -> list[tuple[str, str]]:
    """What was run, on what, and how long it took."""
    results, records = material.results, list(provenance.records.values())
    kinds = Counter(row.kind for row in rows)
    exact = results["bit_exact"].dropna()
    facts = [("points", ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none")]
    if len(exact):
        images = int(results["sim_images"].dropna().sum())
        facts.append(
            (
                "simulated in RTL",
                f"{counted(len(exact), 'design')}, {images:,} images; "
                f"{int(exact.astype(bool).sum())} of {len(exact)} bit-exact",
            )
        )
    if origins := sorted(set(results["measured_on"].dropna())):
        facts.append(("measured on", listed(origins)))
    if targets := sorted(set(zip(results["board"], results["part"], strict=True))):
        target = listed(f"{board} ({part})" for board, part in targets)
        facts.append(("target", f"{target} at {_clocks(results['clock_mhz'])}"))
    if any(at_another_clock(row) for _, row in results.iterrows()):
        facts.append(("measured at", _clocks(results["clock_measured_mhz"])))
    if not records:
        return facts
    runners = sorted({dict(record.environment.facts).get("runner", "") for record in records})
    made = sorted(record.created for record in records)
    commits = sorted({record.commit_short for record in records})
    total = sum(record.seconds for record in records)
    return [
        *facts,
        ("runner", listed(runner for runner in runners if runner != "host") or "none needed"),
        ("machine", listed(machine.title for machine in provenance.machines)),
        ("time of all stages", f"{duration_text(total)} for {counted(len(records), 'artifact')}"),
        ("made", _between(made[0], made[-1])),
        ("git commit", listed(commits)),
    ]


def _clocks(column: pd.Series) -> str:
    return f"{listed(f'{clock:g}' for clock in sorted(set(column.dropna())))} MHz"


def _between(first: str, last: str) -> str:
    """From when to when, of two ISO 8601 times in UTC, to the minute."""
    start, end = (time[:16].replace("T", " ") for time in (first, last))
    if start == end:
        return f"{start} UTC"
    return f"{start} to {end[11:] if start[:10] == end[:10] else end} UTC"


def _stopped(rows: Sequence[table.Row], kinds: Collection[str]) -> list[Stopped]:
    """Points of these kinds, by what stopped them: status, reason, points."""
    stopped: dict[tuple[str, str], list[table.Row]] = {}
    for row in rows:
        if row.kind in kinds:
            stopped.setdefault((row.status, row.reason), []).append(row)
    return [(state, reason, points) for (state, reason), points in stopped.items()]


def _logs(provenance: Provenance) -> dict[str, Link]:
    """By point, the step that failed or found it infeasible, if its log is kept."""
    steps = ((name, link) for name, one in provenance.chains.items() for link in one.links)
    return {name: link for name, link in steps if link.log}


def _stages(provenance: Provenance) -> list[dict[str, Any]]:
    """Time by stage: how many artifacts, seconds in all, and the slowest one."""
    total = sum(record.seconds for record in provenance.records.values()) or 1.0
    return [
        {
            "stage": stage,
            "count": len(records),
            "seconds": sum(record.seconds for record in records),
            "share": sum(record.seconds for record in records) / total,
            "slowest": max(records, key=lambda record: record.seconds),
        }
        for stage, records in _by_stage(provenance).items()
    ]


def _by_stage(provenance: Provenance) -> dict[str, list[Record]]:
    by_stage: dict[str, list[Record]] = {}
    for record in provenance.records.values():
        by_stage.setdefault(record.stage, []).append(record)
    return by_stage


def _references(material: Material) -> list[dict[str, str]]:
    """Trainings of which no hardware is built; those of points are in the table of results."""
    built = {(str(row["dataset"]), bits_label(row)) for _, row in material.results.iterrows()}
    return [
        {
            "name": str(name),
            "bits": bits_label(row),
            "dataset": str(row["dataset"]),
            "accuracy": "" if row.isna()["accuracy"] else f"{row['accuracy']:.2%}",
            "status": str(row["status"]),
        }
        for name, (_, row) in zip(
            material.trainings["experiment"], material.trainings.iterrows(), strict=True
        )
        if (str(row["dataset"]), bits_label(row)) not in built
    ]
