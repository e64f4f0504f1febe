"""The real images: what is in them, how large they are, and that they give a venv's results."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from docker.client import DockerClient

from bench.console.events import Event
from bench.environments import ENVIRONMENTS, INSTALLED
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.images.base import ensure_base, images_folder
from bench.images.build import Image, ensure_image
from bench.images.recipe import RECIPES
from bench.images.wheelhouse import for_image
from bench.paths import ROOT, default_store, environments_folder
from bench.pipeline import execute, plan
from bench.pipeline.assemble import assemble
from bench.runners import Runner
from bench.runners.docker import DockerRunner
from bench.runners.venv import VenvRunner

LARGEST_BYTES = {"train": 1_300_000_000, "finn": 2_500_000_000, "board": 200_000_000}


def _ensure(name: str, say: Callable[[str], None] = print) -> Image:
    folder, never = images_folder(default_store()), threading.Event()
    base = ensure_base(folder, say, never)
    return ensure_image(RECIPES[name], base, folder, say, never)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_an_image_is_small_labelled_and_not_roots(client: DockerClient, name: str) -> None:
    image = client.images.get(_ensure(name).id)
    assert image.attrs["Size"] <= LARGEST_BYTES[name]
    assert image.labels["finn-bench"] == name
    assert not re.match(r"(0|root)?(:|$)", image.attrs["Config"]["User"])
    said: list[str] = []
    assert _ensure(name, said.append).id == image.id
    assert not said, "it was built again"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("name", [environment.name for environment in INSTALLED])
def test_an_image_holds_exactly_what_the_locks_pin(name: str) -> None:
    environment = ENVIRONMENTS[name]
    python = {_normal(entry) for entry in _ensure(name).packages if "==" in entry}
    pinned = {
        _normal(entry.split()[0])
        for lock in environment.locks
        for entry in for_image(lock.read_text(), os.uname().machine)
    }
    assert pinned <= python
    extra = {entry.split("==")[0] for entry in python - pinned}
    choices = "".join(lock.read_text() for lock in environment.either_of)
    assert all(f"{entry}==" in choices.lower().replace("_", "-") for entry in extra)


def _normal(entry: str) -> str:
    return entry.lower().replace("_", "-").replace(".", "-")


@pytest.mark.usefixtures("client")
def test_containers_and_virtual_environments_give_the_same_files(tmp_path: Path) -> None:
    cached = default_store()
    runners: dict[str, Runner] = {
        "docker": DockerRunner(images_folder(cached)),
        "venv": VenvRunner(environments_folder(cached)),
    }
    files = {}
    for name, runner in runners.items():
        files[name] = _run_everything(tmp_path / name, runner)
    assert len(files["venv"]) > 100
    assert files["docker"] == files["venv"]
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in tmp_path.rglob("*")}
    assert owners == {(os.getuid(), os.getgid())}


def _run_everything(folder: Path, runner: Runner) -> dict[tuple[str, str, str], str]:
    """Run a point of the tiny grid; SHA-256 of every file by stage, task and path."""
    resolver = assemble(folder, runner)
    if isinstance(runner, DockerRunner):
        runner.prepare_base(print, threading.Event())
    events: list[Event] = []
    points = expand(load_grid(ROOT / "experiments" / "tiny.toml"))
    summary = execute(plan(points[:1]), resolver, 2, 2, events.append)
    assert not summary.errors
    return {
        (entry.manifest.stage, entry.manifest.name, artifact.path): artifact.sha256
        for entry in resolver.store.entries()
        for artifact in entry.manifest.artifacts
    }
