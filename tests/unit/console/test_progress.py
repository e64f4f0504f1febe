"""What a person sees: lines where output is no terminal, bars that fit where it is one."""

from __future__ import annotations

import io

import pytest

from bench.console import events
from bench.console import progress as ui
from bench.console.terminal import Terminal

STORY: tuple[events.Event, ...] = (
    events.Planned(3, 2, "venv", "asked for"),
    events.Started("net-low", "simulate"),
    events.Progress("net-low", "simulate", 40, 1000, "image", "[a very long text]\x1b]0; " * 20),
    events.Note("net-low", "look at [this]\x1b]0;title\x07"),
    events.Finished("net-low", "simulate", "done", "", 12.34),
    events.Finished("net-max", "simulate", "kept", "", 0.0),
    events.Finished("net-max", "measure", "skipped", "simulate failed", 0.0),
)


def tell(view: ui.View, console: Terminal) -> str:
    with view:
        for event in STORY:
            view.show(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_plain_lines_where_output_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui, "PLAIN_SECONDS", 0.0)
    console = Terminal(file=io.StringIO(), width=80)
    view = ui.make_view(console)
    text = tell(view, console)
    assert isinstance(view, ui.PlainView)
    assert "\x1b" not in text
    assert "3 tasks, 2 at a time; runner venv (asked for)" in text
    assert "simulate net-low: started" in text
    assert "simulate net-low: 40/1000 images" in text
    assert "note net-low: look at [this]\\u001b]0;title\\u0007" in text
    assert "done simulate net-low 12 s" in text
    assert "skipped measure net-max (simulate failed)" in text
    assert "kept" not in text


TWO_AT_ONCE: tuple[events.Event, ...] = (
    events.Started("net-low", "map"),
    events.Started("net-low", "measure"),
    events.Progress("net-low", "map", 1, 7, "part", "a layer"),
    events.Finished("net-low", "measure", "done", "", 1.0),
    events.Progress("net-low", "map", 2, 7, "part", "a layer"),
)


def test_stages_of_one_task_that_run_at_once_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ui, "PLAIN_SECONDS", 0.0)
    text = io.StringIO()
    plain, live = ui.PlainView(Terminal(file=text)), ui.LiveView(Terminal(file=io.StringIO()))
    for event in TWO_AT_ONCE:
        plain.show(event)
        live.show(event)
    assert "map net-low: 2/7 parts" in text.getvalue()
    assert "measure net-low: 1/7" not in text.getvalue()
    (bar,) = live._progress.tasks
    assert (bar.fields["stage"], bar.completed) == ("map", 2)
    live.show(events.Finished("net-low", "map", "done", "", 1.0))
    assert not live._progress.tasks


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("length", [21, 45, 130])
def test_no_name_of_a_task_is_cut_off(width: int, length: int) -> None:
    name = f"tfc-mnist-w2a2-s1-{'x' * length}"[:length]
    console = Terminal(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    view = ui.LiveView(console)
    view.show(events.Started(name, "simulate"))
    view.show(events.Progress(name, "simulate", 9999, 10000, "image", "cycle by cycle " * 9))
    shown = Terminal(file=io.StringIO(), width=width)
    shown.print(view._progress)
    assert isinstance(shown.file, io.StringIO)
    lines = shown.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    start = lines[0].index("tfc")
    end = start + max(len(line[start:].split(" ")[0]) for line in lines)
    assert "".join(line[start:end].strip() for line in lines) == name
    assert "9999/10000" in lines[0]


def test_bars_fit_the_terminal() -> None:
    console = Terminal(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    view = ui.make_view(console)
    assert isinstance(view, ui.LiveView)
    text = tell(view, console)
    assert "done simulate net-low 12 s" in text
    assert "\x1b]0;" not in text
    assert max(len(line) for line in text.replace("\r", "\n").splitlines()) < 200
