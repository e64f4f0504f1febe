"""Virtual environments that several want at once, or whose making was killed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.console.events import Event, Note
from bench.environments import ENVIRONMENTS
from bench.runners import provision as module
from bench.runners.provision import provision

NEVER = threading.Event()
HOLD = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print(flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Notes where something would have been installed."""
    homes: list[Path] = []

    def install(environment: Any, home: Path, *_: Any) -> None:
        assert not home.exists(), "what a killed run left is gone"
        home.mkdir()
        homes.append(home)
        ready = {"recipe": environment.recipe()}
        (home / module.READY).write_text(json.dumps(ready))

    monkeypatch.setattr(module, "_install", install)
    monkeypatch.setattr(module, "require_space", lambda *_: None)
    return homes


def test_an_environment_is_made_once_however_many_tasks_want_it(
    tmp_path: Path, installed: list[Path]
) -> None:
    home, events = tmp_path / "new" / "finn--1", []
    with ThreadPoolExecutor(8) as threads:
        for _ in threads.map(
            lambda _: provision(ENVIRONMENTS["finn"], home, events.append, NEVER), range(8)
        ):
            pass
    assert installed == [home]
    assert not events


def test_what_a_killed_run_left_is_made_again(tmp_path: Path, installed: list[Path]) -> None:
    home = tmp_path / "finn--1"
    (home / "bin").mkdir(parents=True)
    provision(ENVIRONMENTS["finn"], home, print, NEVER)
    assert installed == [home]


def test_another_run_that_makes_it_is_waited_for_and_that_is_said(
    tmp_path: Path, installed: list[Path]
) -> None:
    home = tmp_path / "finn--1"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, home.with_suffix(".lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        other.stdout.readline()
        events: list[Event] = []

        def tell(event: Event) -> None:
            events.append(event)
            other.kill()

        provision(ENVIRONMENTS["finn"], home, tell, NEVER)
    assert events == [Note("finn environment", "another run is setting it up; waiting for that")]
    assert installed == [home]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"recipe": "of another time"}'])
def test_an_environment_whose_note_is_damaged_is_made_again(
    tmp_path: Path, installed: list[Path], content: str
) -> None:
    home = tmp_path / "finn--1"
    home.mkdir()
    (home / module.READY).write_text(content)
    provision(ENVIRONMENTS["finn"], home, lambda event: None, NEVER)
    assert installed == [home]
    provision(ENVIRONMENTS["finn"], home, lambda event: None, NEVER)
    assert installed == [home]
