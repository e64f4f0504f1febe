"""The page: what goes into it, and the template that puts it there."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import __version__
from bench.claims import Verdict, elsewhere
from bench.console.text import brief, counted, duration_text, listed, memory_text, number_text
from bench.report import remarks
from bench.report.figures import Figure
from bench.report.html import table
from bench.report.html.provenance import About, Link, Provenance, Record
from bench.report.html.words import GLOSSARY, explained, heading, stage_name, with_glossary
from bench.report.material import Material
from bench.report.timing import Rows, stage_rows, timing_line
from bench.results import precision, state_label
from bench.results.formats import PERCENT
from bench.results.frame import rows_of
from bench.results.general import at_another_clock
from bench.results.rows import grouped
from bench.words import NOT_DONE, Status

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
MARKS = {
    Verdict.REPRODUCED: "✓", Verdict.PARTLY: "◐", Verdict.NOT_REPRODUCED: "✗",
    Verdict.NOT_TESTABLE: "○",
    Status.DONE: "✓", Status.WRONG: "✗", Status.INFEASIBLE: "⊘", Status.FAILED: "✗",
    Status.SKIPPED: "○", Status.MISSING: "○",
}  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A figure with its files' names; `svg` is None when there is nothing to draw."""

    figure: Figure
    svg: str | None
    files: tuple[str, ...]


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
        material: The results.
        figures: In order.
        provenance: Of all artifacts in `material`.
        about: The command that ran it.
        claims: As in claims.json under "claims"; None when they were not judged.
        timing: As in timing.json; empty when nothing was predicted.
    """
    columns = table.columns_of(material.rows)
    rows = table.rows_of(material, columns)
    script = _read("report.js")
    text = _template().render(
        material=material,
        title=_title(material),
        subtitle=_subtitle(material),
        facts=_facts(material, provenance, rows),
        claims=claims and [judged for judged in claims if judged["in_grid"]],
        elsewhere=elsewhere(claims or ()),
        figures=figures,
        columns=columns,
        groups=table.groups_of(columns),
        rows=rows,
        places=_places(rows, provenance),
        wrong=_stopped(rows, {Status.WRONG}),
        stopped=_stopped(rows, NOT_DONE),
        remarks=remarks.notes(material.rows),
        label_of=table.label_of,
        glossary=GLOSSARY,
        logs=_logs(provenance),
        stages=_stages(provenance),
        by_stage=_by_stage(provenance),
        timing=timing,
        timing_line=timing_line(timing) if timing else "",
        timed_alone=_timed_alone(timing, provenance),
        provenance=provenance,
        references=_references(material),
        about=about,
        marks=MARKS,
        version=__version__,
        style=_read("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    return with_glossary(text, _texts(figures))


def _texts(figures: Sequence[Drawn]) -> Iterator[str]:
    """What the data of drawings names, layers for example, each once."""
    for drawn in figures:
        if drawn.figure.data is not None:
            for _, column in drawn.figure.data.select_dtypes(["object", "string"]).items():
                yield from (str(text).replace("_", " ") for text in column.dropna().unique())


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
    environment.filters["number"] = number_text
    environment.filters["memory"] = memory_text
    environment.filters["brief"] = brief
    environment.filters["explained"] = explained
    environment.filters["heading"] = heading
    environment.filters["stage_name"] = stage_name
    return environment.get_template("page.html.j2")


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _places(rows: Sequence[table.Row], provenance: Provenance) -> dict[str, tuple[str, str]]:
    """Anchor and text of the link for each name in a claim's evidence: a row, or a training."""
    trainings = {
        record.made.name: (record.id, record.made.name)
        for record in provenance.records.values()
        if record.made.stage == "train"
    }
    return trainings | {row.name: (f"row-{row.number}", row.link) for row in rows}


def _title(material: Material) -> str:
    if not material.rows:
        return f"Grid {material.grid}"
    return f"{listed(_values(material, 'network'))} on {listed(_values(material, 'dataset'))}"


def _values(material: Material, *columns: str) -> list[Any]:
    """The distinct values of a column, or of several side by side, in the order of the rows.

    Rows that lack any of them do not count.
    """
    every = (tuple(row[name] for name in columns) for row in material.rows)
    distinct = dict.fromkeys(values for values in every if None not in values)
    return [values[0] if len(columns) == 1 else values for values in distinct]


def _subtitle(material: Material) -> str:
    if not material.rows:
        return "The grid has no points."
    counts = {
        "precision": len(_values(material, "weight_bits", "act_bits")),
        "folding": len(_values(material, "folding")),
        "seed": len(_values(material, "seed")),
        "data set": len(_values(material, "dataset")),
    }
    always = ("precision", "folding")
    parts = [counted(n, noun) for noun, n in counts.items() if n > (0 if noun in always else 1)]
    return f"{counted(len(material.rows), 'point')}: {' x '.join(parts)}"


def _facts(
    material: Material, provenance: Provenance, rows: Sequence[table.Row]
) -> list[tuple[str, str]]:
    """What was run, on what, and how long it took."""
    records = list(provenance.records.values())
    statuses = Counter(row.status for row in rows)
    by_severity = sorted(statuses, key=lambda status: Status(status).severity)
    points = ", ".join(f"{statuses[status]} {status}" for status in by_severity)
    facts = [("points", points or "none")]
    if simulated := [row for row in material.rows if row["bit_exact"] is not None]:
        images = sum(row["sim_images"] or 0 for row in simulated)
        exact = sum(1 for row in simulated if row["bit_exact"])
        designs = counted(len(simulated), "design")
        told = f"{designs}, {counted(images, 'image')}; {exact} of {len(simulated)} bit-exact"
        facts.append(("simulated in RTL", told))
    if origins := sorted(_values(material, "measured_on")):
        facts.append(("measured on", listed(origins)))
    if targets := sorted(_values(material, "board", "part")):
        target = listed(f"{board} ({part})" for board, part in targets)
        facts.append(("target", f"{target} at {_clocks(material, 'clock_mhz')}"))
    if any(map(at_another_clock, material.rows)):
        facts.append(("measured at", _clocks(material, "clock_measured_mhz")))
    if not records:
        return facts
    runners = sorted({record.made.environment["runner"] for record in records})
    made = sorted(record.made.created for record in records)
    commits = sorted({record.commit_short for record in records})
    total = sum(record.made.seconds for record in records)
    artifacts = f"{counted(len(records), 'artifact')} behind the points"
    return [
        *facts,
        ("runner", listed(runner for runner in runners if runner != "host") or "none needed"),
        ("machine", listed(machine.title for machine in provenance.machines)),
        ("time of all stages", f"{duration_text(total)} for {artifacts}"),
        ("made", _between(made[0], made[-1])),
        ("git commit", listed(commits)),
    ]


def _clocks(material: Material, column: str) -> str:
    return f"{listed(f'{clock:g}' for clock in sorted(_values(material, column)))} MHz"


def _between(first: str, last: str) -> str:
    """From when to when, of two ISO 8601 times in UTC, to the minute."""
    start, end = (time[:16].replace("T", " ") for time in (first, last))
    if start == end:
        return f"{start} UTC"
    return f"{start} to {end[11:] if start[:10] == end[:10] else end} UTC"


def _stopped(
    rows: Sequence[table.Row], statuses: Collection[str]
) -> list[tuple[str, str, list[table.Row]]]:
    """State, reason and points of what has one of `statuses`."""
    chosen = (row for row in rows if row.status in statuses)
    groups = grouped(chosen, lambda row: (row.state, row.reason))
    return [(state, reason, points) for (state, reason), points in groups.items()]


def _logs(provenance: Provenance) -> dict[str, Link]:
    """By point, the step that failed or found it infeasible, if its log is kept."""
    return {
        name: link for name, chain in provenance.chains.items() for link in chain.links if link.log
    }


def _stages(provenance: Provenance) -> list[dict[str, Any]]:
    """Time by stage: how many artifacts, seconds in all, and the slowest one."""
    total = sum(record.made.seconds for record in provenance.records.values()) or 1.0
    return [
        {
            "stage": stage,
            "count": len(records),
            "seconds": sum(record.made.seconds for record in records),
            "share": sum(record.made.seconds for record in records) / total,
            "slowest": max(records, key=lambda record: record.made.seconds),
        }
        for stage, records in _by_stage(provenance).items()
    ]


def _timed_alone(timing: Rows, provenance: Provenance) -> str:
    """Which tasks were timed and are in no point's chain; empty for none."""
    behind = {link.stage for chain in provenance.chains.values() for link in chain.links}
    alone = [row for row in stage_rows(timing) if row["tasks"] and row["stage"] not in behind]
    if not alone:
        return ""
    count, names = sum(row["tasks"] for row in alone), listed(row["stage"] for row in alone)
    return (
        f"{count:,} of these ({names}) only checked ahead what could be made: no number here is "
        "from them, and the table above leaves them out."
    )


def _by_stage(provenance: Provenance) -> dict[str, list[Record]]:
    return grouped(provenance.records.values(), lambda record: record.made.stage)


def _references(material: Material) -> list[dict[str, str]]:
    """Trainings of which no hardware is built; those of points are in the table of results."""
    built = {(row["dataset"], precision(row)) for row in material.rows}
    return [
        {
            "name": str(row["experiment"]),
            "bits": f"{precision(row)}",
            "dataset": str(row["dataset"]),
            "accuracy": PERCENT(row["accuracy"]),
            "status": state_label(row),
        }
        for row in rows_of(material.trainings)
        if (row["dataset"], precision(row)) not in built
    ]
