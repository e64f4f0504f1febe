"""What a person sees: lines where output is no terminal, bars that fit where it is one."""

from __future__ import annotations

import io

import pytest

from bench import events, ui
from bench.terminal import Terminal

STORY: tuple[events.Event, ...] = (
    events.Planned(3, 2, "venv", "asked for"),
    events.Started("net-low", "simulate"),
    events.Progress("net-low", 40, 1000, "image", "[a very long text] " * 20),
    events.Note("net-low", "look at [this]"),
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
    assert "note net-low: look at [this]" in text
    assert "done simulate net-low 12.3 s" in text
    assert "skipped measure net-max (simulate failed)" in text
    assert "kept" not in text


def test_bars_fit_the_terminal() -> None:
    console = Terminal(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    view = ui.make_view(console)
    assert isinstance(view, ui.LiveView)
    text = tell(view, console)
    assert "done simulate net-low 12.3 s" in text
    assert max(len(line) for line in text.replace("\r", "\n").splitlines()) < 200
