"""The provenance of a row on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from bench.console.tables import Column, Table
from bench.console.terminal import Terminal, styled
from bench.console.text import brief, counted, duration_text, memory_text
from bench.pipeline import Step
from bench.provenance.chain import checkout_of
from bench.store import Manifest
from bench.store.keys import SHORT
from bench.words import Status

FILES_SHOWN = 8


def show_steps(steps: Sequence[Step], console: Terminal) -> None:
    """A table of the steps, then each one in full."""
    headings = ("stage", "status", "key", "content", "made (UTC)", "seconds", "tree")
    table = Table([Column(heading=name, numeric=name == "seconds") for name in headings])
    for step in steps:
        made = step.manifest
        table.add(step.stage, step.status, *_summary(made) if made else ("",) * 5)
    table.show(console)
    for step in steps:
        _show_step(step, console)


def _summary(made: Manifest) -> tuple[str, ...]:
    return (
        made.key[:SHORT],
        made.content_hash[:SHORT],
        made.created[:16].replace("T", " "),
        f"{made.seconds:,.1f}",
        checkout_of(made)["tree"],
    )


def _show_step(step: Step, console: Terminal) -> None:
    reason = f" ({step.reason})" if step.reason else ""
    status = Text(step.status, "red bold" if step.status == Status.WRONG else "")
    console.paragraph(
        styled("[bold]{}[/]: {}; {}{}", step.stage, step.task.stage.summary, status, reason),
    )
    made = step.manifest
    facts: dict[str, str] = {"given": _values(step.spec)}
    if made is not None:
        checkout = checkout_of(made)
        facts |= {
            "reads": ", ".join(f"{name} {key[:SHORT]}" for name, key in made.inputs.items()),
            "where": str(step.folder or "failed/ in the store"),
            "log": str(step.log or ""),
            "ran in": _values(made.environment),
            "tools": ", ".join(f"{tool} {version}" for tool, version in made.tools.items()),
            "commit": f"{checkout['commit']}, tree {checkout['tree']}{_detail(checkout)}",
            "machine": ", ".join(f"{k} {v}" for k, v in made.host.items()),
            "time": f"{made.created}, {duration_text(made.seconds)}{_timings(made.timings)}, "
            f"{memory_text(made.peak_memory_bytes)} at its peak",
            "files": _files(made.artifacts),
        }
    facts["metrics"] = _values(step.metrics)
    for label, text in facts.items():
        if text:
            console.paragraph(styled("[dim]{}:[/] {}", label, text), indent=2)


def _values(values: Mapping[str, Any]) -> str:
    """`name value` of each; long values, which the manifest and --json have, by their length."""
    return ", ".join(f"{name} {brief(value)}" for name, value in values.items())


def _detail(checkout: Mapping[str, str]) -> str:
    detail = checkout.get("changes") or checkout.get("reason")
    return f" ({detail})" if detail else ""


def _timings(timings: Mapping[str, float]) -> str:
    inside = ", ".join(f"{name} {seconds:,.1f}" for name, seconds in timings.items())
    return f" ({inside})" if inside else ""


def _files(artifacts: Sequence[Any]) -> str:
    shown = [f"{a.path} {counted(a.bytes, 'byte')} sha256 {a.sha256[:SHORT]}" for a in artifacts]
    more = len(shown) - FILES_SHOWN
    return "; ".join(shown[:FILES_SHOWN]) + (f"; and {more} more" if more > 0 else "")
