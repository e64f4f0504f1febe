"""Locks as the image's Python reads them, and wheels that are fetched once."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from bench.console.events import Event
from bench.environments import ENVIRONMENTS, Environment
from bench.errors import EnvironmentFailure
from bench.images.wheelhouse import for_image, wheels

LOCK = """# Made by a tool.
always==1 \\
    --hash=sha256:aa
new==2 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
old==3 ; python_full_version < '3.12' and sys_platform == 'linux' \\
    --hash=sha256:cc \\
    --hash=sha256:dd
windows==4 ; sys_platform == 'win32' \\
    --hash=sha256:ee
this==5 ; platform_machine == 'x86_64' \\
    --hash=sha256:ff
"""


def test_conditions_are_judged_for_the_image_not_for_the_host() -> None:
    entries = for_image(LOCK, "x86_64")
    assert [entry.split("==")[0] for entry in entries] == ["always", "old", "this"]
    assert all(";" not in entry for entry in entries)
    assert entries[1].count("--hash=") == 2
    assert len(for_image(LOCK, "aarch64")) == 2


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_the_projects_own_locks_are_read_whole(name: str) -> None:
    for lock in ENVIRONMENTS[name].locks:
        text = lock.read_text()
        entries = "".join(for_image(text, "x86_64"))
        unconditional = [line for line in text.splitlines() if "==" in line and ";" not in line]
        assert all(line.rstrip(" \\") in entries for line in unconditional)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    for name in ("main.lock", "cpu.lock", "cuda.lock"):
        (tmp_path / name).write_text(f"{name.removesuffix('.lock')}==1 \\\n    --hash=sha256:aa\n")
    return dataclasses.replace(
        ENVIRONMENTS["train"],
        locks=(tmp_path / "main.lock",),
        either_of=(tmp_path / "cpu.lock", tmp_path / "cuda.lock"),
    )


class Pip:
    """Stands in for the process: makes a wheel, or fails as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.says: dict[str, str] = {}
        monkeypatch.setattr("bench.system.process.Child", self.start)
        monkeypatch.setattr("bench.system.pip_settings.settings", lambda command, python: {})

    def start(self, command: list[str], variables: object, log: object, cancelled: object) -> Pip:
        self.wanted = Path(command[command.index("--requirement") + 1])
        self.folder = Path(command[command.index("--dest") + 1])
        return self

    def __enter__(self) -> Pip:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def lines(self) -> list[str]:
        name = self.wanted.stem
        self.calls.append(name)
        if name not in self.says:
            (self.folder / f"{name}-1.whl").write_text("wheel")
        return [f"Collecting {name}==1", self.says.get(name, "Saved")]

    def wait(self) -> int:
        return int(self.wanted.stem in self.says)


def _fetch(environment: Environment, cache: Path, events: list[Event]) -> list[str]:
    items = wheels(environment, cache, "image", events.append, threading.Event())
    return [item.name for item in items]


def test_wheels_are_fetched_once(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip(monkeypatch)
    for _ in range(2):
        names = _fetch(environment, tmp_path / "cache", [])
        assert names == ["wheels/cpu-1.whl", "wheels/either.lock", "wheels/main-1.whl"]
    assert pip.calls == ["main", "cpu"]


def test_the_next_build_is_taken_where_the_first_is_not_offered(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip(monkeypatch)
    pip.says["cpu"] = "ERROR: No matching distribution found for cpu==1"
    events: list[Event] = []
    assert "wheels/cuda-1.whl" in _fetch(environment, tmp_path / "cache", events)
    assert any("not offered" in getattr(event, "text", "") for event in events)


def test_what_an_earlier_command_said_is_not_taken_for_the_last_ones(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip(monkeypatch)
    pip.says |= {"cpu": "ERROR: No matching distribution found for cpu==1", "cuda": "ERROR: reset"}
    with pytest.raises(EnvironmentFailure, match="could not be installed"):
        _fetch(environment, tmp_path / "cache", [])
    assert pip.calls == ["main", "cpu", "cuda"]


@pytest.mark.parametrize("broken", ["main", "cpu"])
def test_a_fetch_that_broke_is_an_error_with_its_log_and_is_tried_again(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    pip = Pip(monkeypatch)
    pip.says[broken] = "ERROR: connection reset"
    with pytest.raises(EnvironmentFailure, match="could not be installed") as caught:
        _fetch(environment, tmp_path / "cache", [])
    assert caught.value.log is not None
    assert "connection reset" in caught.value.log.read_text()
    del pip.says[broken]
    assert f"wheels/{broken}-1.whl" in _fetch(environment, tmp_path / "cache", [])
