"""Show events: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from typing import Protocol, Self

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from bench.console import events
from bench.console.terminal import Terminal, styled
from bench.console.text import counted, duration_text, excerpt, printable
from bench.words import Status

PLAIN_SECONDS = 10.0
# Width from which a bar, the time and a stage's text fit beside a name.
ROOMY, NAME_WIDTH = 100, 30
COLOURS = {
    Status.DONE: "green",
    "kept": "green",
    Status.WRONG: "red bold",
    Status.INFEASIBLE: "yellow",
    Status.SKIPPED: "yellow",
    Status.FAILED: "red",
    Status.MISSING: "dim",
}


class View(AbstractContextManager["View"], Protocol):
    """Shows a running run."""

    def show(self, event: events.Event) -> None:
        """Show an event; called from any thread."""


def make_view(console: Terminal) -> View:
    """The view that fits `console`."""
    return LiveView(console) if console.is_terminal else PlainView(console)


class PlainView:
    """A line for each start and end, and now and then a line for progress."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._last_shown: dict[tuple[str, str], float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: events.Event) -> None:
        with self._lock:
            match event:
                case events.Started():
                    self._last_shown[event.task, event.stage] = time.monotonic()
                case events.Progress():
                    self._show_progress(event)
            if line := _describe(event):
                self._write(line)

    def _show_progress(self, event: events.Progress) -> None:
        now, one = time.monotonic(), (event.task, event.stage)
        if now - self._last_shown.get(one, now) >= PLAIN_SECONDS:
            self._last_shown[one] = now
            text = f"{event.done}/{event.total} {event.unit}s {event.text}".rstrip()
            self._write(styled("  {} {}: {}", event.stage, event.task, text))

    def _write(self, line: Text) -> None:
        self._console.print(styled("{} {}", time.strftime("%H:%M:%S"), line), soft_wrap=True)


class LiveView:
    """A bar for each running task, and a line above for each that has ended."""

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._progress = Progress(*_columns(console.width), console=console, expand=True)
        self._live = Live(self._progress, console=console, refresh_per_second=8, transient=True)
        self._lock = threading.Lock()
        self._bars: dict[tuple[str, str], TaskID] = {}

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: events.Event) -> None:
        with self._lock:
            match event:
                case events.Started():
                    self._bars[event.task, event.stage] = self._progress.add_task(
                        printable(event.task), total=None, stage=event.stage, unit="", text=""
                    )
                    return
                case events.Progress():
                    self._update(event)
                case events.Finished(task=task, stage=stage) if (task, stage) in self._bars:
                    self._progress.remove_task(self._bars.pop((task, stage)))
            if line := _describe(event):
                self._console.print(line)

    def _update(self, event: events.Progress) -> None:
        bar = self._bars.get((event.task, event.stage))
        if bar is not None:
            self._progress.update(
                bar,
                completed=event.done,
                total=event.total,
                unit=printable(f"{event.unit}s"),
                text=excerpt(event.text),
            )


def _columns(width: int) -> list[ProgressColumn]:
    """The columns that fit; the task's name is wrapped rather than cut."""
    name = Column(no_wrap=False, overflow="fold", min_width=min(width // 2, NAME_WIDTH))
    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    task: list[ProgressColumn] = [
        TextColumn("{task.fields[stage]:8}", style="bold", markup=False),
        TextColumn("{task.description}", markup=False, table_column=name),
    ]
    if width < ROOMY:
        return [*task, MofNCompleteColumn()]
    return [
        SpinnerColumn(),
        *task,
        BarColumn(bar_width=10),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}", style="dim", markup=False, table_column=rest),
    ]


def _describe(event: events.Event) -> Text | None:
    """The line that an event leaves, if any."""
    match event:
        case events.Planned():
            return styled(
                "{}, {} at a time; runner {} ({}){}",
                counted(event.total, "task"),
                event.jobs,
                event.runner,
                event.reason,
                event.expected,
            )
        case events.Started():
            return styled("  {} {}: started", event.stage, event.task)
        case events.Note():
            where = f"{event.task}: " if event.task else ""
            return styled("[cyan]note[/] {}{}", where, event.text)
        case events.Finished(status="kept"):
            return None
        case events.Finished():
            mark = Text(event.status, COLOURS[event.status])
            detail = f" ({event.detail})" if event.detail else ""
            seconds = f" {duration_text(event.seconds)}" if event.seconds else ""
            return styled("{} {} {}{}{}", mark, event.stage, event.task, seconds, detail)
    return None
