"""Building: progress as it comes, every failure with its remedy, and a prompt stop."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import ImageNotFound

from bench.console.events import Event, Finished, Progress, Started
from bench.errors import EnvironmentFailure
from bench.images import build as module
from bench.images import shared
from bench.images.base import Base
from bench.images.build import ensure_image
from bench.images.recipe import RECIPES
from bench.system.locks import Cancelled

BASE = Base("base:1", "sha256:1", "local")
BOARD = RECIPES["board"]


class Engine:
    """An engine whose builder says what it is told to."""

    def __init__(self, *messages: dict[str, Any], silent: threading.Event | None = None) -> None:
        self.messages = messages
        self.silent = silent
        self.built: list[dict[str, Any]] = []
        self.images = SimpleNamespace(get=self.get)
        self.api = SimpleNamespace(build=self.build)

    def info(self) -> dict[str, str]:
        return {"ID": "an engine"}

    def build(self, **options: Any) -> Iterator[dict[str, Any]]:
        if self.silent is not None:
            self.silent.wait(60)
        yield from self.messages
        self.built.append(options)

    def get(self, tag: str) -> SimpleNamespace:
        for options in self.built:
            if options["tag"] == tag:
                return SimpleNamespace(id="sha256:built", labels=options["labels"])
        raise ImageNotFound(tag)

    @contextmanager
    def open(self, timeout: int = 0) -> Iterator[Engine]:
        yield self


class Builds:
    """`ensure_image` on such an engine."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.cancelled = threading.Event()
        monkeypatch.setattr(module, "engine", engine.open)
        monkeypatch.setattr(shared, "engine", engine.open)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def ensure(self) -> module.Image:
        return ensure_image(BOARD, BASE, self.folder, self.events.append, self.cancelled)


def test_an_image_is_built_once_and_shows_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(
        {"stream": "Step 1/2 : FROM base"},
        {"stream": " ---> 0123\n"},
        {"stream": "Step 2/2 : RUN true"},
        {"stream": "\x1b[91mworking\n"},
        {"stream": "\x1b[0m"},
    )
    builds = Builds(tmp_path, monkeypatch, engine)
    assert builds.ensure() == builds.ensure()
    (options,) = engine.built
    assert options["buildargs"] == {"BASE_IMAGE": "base:1"}
    kinds = [type(event) for event in builds.events]
    assert kinds == [Started, Progress, Progress, Progress, Finished]
    shown = [(e.done, e.total, e.text) for e in builds.events if isinstance(e, Progress)]
    assert shown == [(1, 2, "FROM base"), (2, 2, "RUN true"), (2, 2, "working")]
    assert "working" in (tmp_path / "board.log").read_text()


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        ("write /x: no space left on device", "no disk space", "docker system df"),
        ("pull access denied for base", "base base:1 is not available", "make base"),
        ("The command '/bin/sh' returned a non-zero code: 100", "could not be built", "rerun"),
    ],
)
def test_a_build_that_fails_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, what: str, remedy: str
) -> None:
    builds = Builds(tmp_path, monkeypatch, Engine({"error": error}))
    with pytest.raises(EnvironmentFailure) as caught:
        builds.ensure()
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_an_interrupt_does_not_wait_for_a_silent_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    builds = Builds(tmp_path, monkeypatch, Engine(silent=ended))
    threading.Timer(0.2, builds.cancelled.set).start()
    with pytest.raises(Cancelled):
        builds.ensure()
    assert not ended.is_set()
    ended.set()


def test_an_image_of_another_recipe_under_our_tag_is_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine()
    builds = Builds(tmp_path, monkeypatch, engine)
    builds.ensure()
    engine.built[0]["labels"]["finn-bench.recipe"] = "another"
    with pytest.raises(EnvironmentFailure, match="vanished"):
        builds.ensure()
    assert len(engine.built) == 2
