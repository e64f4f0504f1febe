"""What the engine's errors mean, the pins, the choice of a base, and whose leftovers are whose."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest
from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ReadTimeout

from bench.errors import EnvironmentFailure
from bench.images import base as base_module
from bench.images import cleanup, pins, shared
from bench.images.base import Base, ensure_base
from bench.images.cleanup import OWNER, dead_containers, owner_label
from bench.images.engine import explain

DIGEST = "sha256:" + "ab" * 32


def _wrapped(error: Exception) -> DockerException:
    """As the SDK does it: the reason is an argument of an argument."""
    return DockerException(NoConnection("Connection aborted.", error))


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (_wrapped(PermissionError(13, "denied")), "permission denied", "group `docker`"),
        (_wrapped(FileNotFoundError(2, "no socket")), "not running", "--runner venv"),
        (_wrapped(ConnectionRefusedError(111, "refused")), "not running", "dockerd"),
        (ReadTimeout("slow"), "not answer in time", "Restart"),
        (ImageNotFound("gone"), "image was removed", "Rerun"),
        (NoConnection("reset"), "went away", "Start it again"),
        (APIError("x", explanation="write /a: no space left on device"), "disk space", "prune"),
        (APIError("x", explanation="bind source path does not exist: /a"), "not see", "machine"),
        (APIError("x", explanation="something new"), "refused: something new", "engine's own log"),
    ],
)
def test_every_error_of_the_engine_has_its_remedy(error: Exception, what: str, remedy: str) -> None:
    explained = explain(error)
    assert what in explained.what
    assert remedy in explained.remedy


@pytest.fixture
def pins_file(tmp_path: Path) -> Path:
    path = tmp_path / "pins.toml"
    path.write_text(pins.PINS.read_text())
    return path


class Engine:
    """An engine with a few images, and a registry that answers or does not."""

    def __init__(self, registry: dict[str, str] | None = None) -> None:
        self.registry = registry
        self.here: dict[str, SimpleNamespace] = {}
        self.images = self

    def get(self, name: str) -> SimpleNamespace:
        if name not in self.here:
            raise ImageNotFound(name)
        return self.here[name]

    @property
    def api(self) -> SimpleNamespace:
        found = [
            {"RepoTags": image.tags, "Labels": image.labels, "Created": number}
            for number, image in enumerate(self.here.values())
        ]
        return SimpleNamespace(images=lambda **_: found[::-1])

    def info(self) -> dict[str, str]:
        return {"ID": "an engine"}

    def pull(self, name: str) -> None:
        if self.registry is None or name not in self.registry:
            raise APIError("no registry", explanation="no such host")
        self.here[name] = SimpleNamespace(id="sha256:pulled", tags=[], labels={})

    def get_registry_data(self, name: str) -> SimpleNamespace:
        if self.registry is None:
            raise APIError("no registry", explanation="no such host")
        return SimpleNamespace(id=self.registry[name])

    @contextmanager
    def open(self, timeout: int = 0) -> Iterator[Engine]:
        try:
            yield self
        except DockerException as error:
            raise explain(error) from error


def test_a_digest_is_written_as_the_registry_gives_it(
    pins_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pins.load(pins_file)
    monkeypatch.setattr(pins, "engine", Engine({before.image: DIGEST}).open)
    assert pins.refresh(pins_file) == DIGEST
    after = pins.load(pins_file)
    assert after.reference == f"{before.image}@{DIGEST}"
    assert (after.suite, after.packages, after.epoch) == (
        before.suite,
        before.packages,
        before.epoch,
    )
    assert pins_file.read_text().count("#") == pins.PINS.read_text().count("#")


@pytest.mark.parametrize("registry", [None, {"python:3.11-slim-bookworm": "latest"}])
def test_a_digest_that_nobody_read_is_never_written(
    pins_file: Path, monkeypatch: pytest.MonkeyPatch, registry: dict[str, str] | None
) -> None:
    text = pins_file.read_text()
    monkeypatch.setattr(pins, "engine", Engine(registry).open)
    with pytest.raises(EnvironmentFailure, match="digest"):
        pins.refresh(pins_file)
    assert pins_file.read_text() == text


class Bases:
    """`ensure_base` on a fake engine; building locally is noted instead of done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, engine: Engine) -> None:
        self.said: list[str] = []
        self.folder = folder
        self.engine = engine
        monkeypatch.setattr(base_module, "engine", engine.open)
        monkeypatch.setattr(
            base_module, "_build_local", lambda *_: Base("built", "sha256:built", "local")
        )

    def ensure(self) -> Base:
        return ensure_base(self.folder, self.said.append, threading.Event())


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> str:
    """The pins with a digest; the reference."""
    known = pins.Pins("python", DIGEST, "bookworm", (), 0)
    monkeypatch.setattr(pins, "load", lambda: known)
    return known.reference


@pytest.fixture(autouse=True)
def _no_named_base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(base_module.VARIABLE, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(shared, "engine", Engine().open)


def test_the_pinned_base_is_pulled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pinned: str
) -> None:
    bases = Bases(monkeypatch, tmp_path, Engine({pinned: DIGEST}))
    assert bases.ensure() == Base(pinned, pinned, "pinned")
    assert not bases.said


def test_without_a_registry_the_base_is_built_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pinned: str
) -> None:
    bases = Bases(monkeypatch, tmp_path, Engine())
    assert bases.ensure().origin == "local"
    assert pinned in bases.said[0]
    assert "no such host" in bases.said[0]


def test_a_base_that_is_there_is_taken_without_asking_anybody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pinned: str
) -> None:
    engine = Engine()
    labels = {"finn-bench.rootfs": "sha256:rootfs"}
    engine.here["base"] = SimpleNamespace(id="sha256:x", tags=["finn-bench/base:1"], labels=labels)
    bases = Bases(monkeypatch, tmp_path, engine)
    assert bases.ensure() == Base("finn-bench/base:1", "sha256:rootfs", "local")
    labels = {"finn-bench.rootfs": "sha256:later"}
    engine.here["again"] = SimpleNamespace(id="sha256:y", tags=["finn-bench/base:2"], labels=labels)
    assert bases.ensure().reference == "finn-bench/base:1"
    assert not bases.said


def test_a_named_base_is_taken_or_is_an_error_never_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(base_module.VARIABLE, "mine:1")
    bases = Bases(monkeypatch, tmp_path, Engine({"mine:1": DIGEST}))
    assert bases.ensure() == Base("mine:1", "sha256:pulled", "named")
    monkeypatch.setenv(base_module.VARIABLE, "none:1")
    with pytest.raises(EnvironmentFailure, match="none:1 cannot be pulled") as caught:
        bases.ensure()
    assert base_module.VARIABLE in caught.value.remedy


def test_no_mmdebstrap_is_said_with_both_ways_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(base_module, "engine", Engine().open)
    monkeypatch.setattr(base_module.shutil, "which", lambda _: None)
    with pytest.raises(EnvironmentFailure, match="mmdebstrap is missing") as caught:
        ensure_base(tmp_path, lambda _: None, threading.Event())
    assert "apt-get install mmdebstrap" in caught.value.remedy
    assert "--runner venv" in caught.value.remedy


def _client(owners: list[str]) -> SimpleNamespace:
    containers = [
        {"Id": str(number), "Names": [f"/c{number}"], "Labels": {OWNER: owner}}
        for number, owner in enumerate(owners)
    ]
    return SimpleNamespace(api=SimpleNamespace(containers=lambda **_: containers))


def test_only_containers_of_dead_runs_are_left_over() -> None:
    (own,) = owner_label().values()
    host, boot, pid, created = own.split(" ")
    owners = [
        own,  # ours, alive
        f"{host} {boot} {pid} {float(created) - 100}",  # an earlier process had this number
        f"{host} {boot} 4194999 1.0",  # no such process
        f"{host} another-boot {pid} {created}",  # before the machine was restarted
        f"elsewhere {boot} 4194999 1.0",  # of another machine: nobody here can tell
    ]
    assert [left.id for left in dead_containers(_client(owners))] == ["1", "2", "3"]
    assert host == socket.gethostname()
    assert pid == str(os.getpid())


@pytest.mark.parametrize(("kind", "status"), [("image", 409), ("network", 403)])
def test_removing_spares_what_is_in_use(
    monkeypatch: pytest.MonkeyPatch, kind: Literal["image", "network"], status: int
) -> None:
    def refuse(name: str) -> None:
        raise APIError("in use", response=SimpleNamespace(status_code=status, reason="", url=""))

    client = Engine()
    monkeypatch.setattr(Engine, "api", SimpleNamespace(**{f"remove_{kind}": refuse}))
    assert not cleanup.remove(client, cleanup.Leftover(kind, "a", "something"))  # type: ignore[arg-type]
