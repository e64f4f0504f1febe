"""First use of an engine by several at once: what all of them share is made once, and heals."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from docker.client import DockerClient
from docker.errors import APIError, ImageNotFound

from bench.boards import contained as module
from bench.boards.contained import ContainedBoard, contained
from bench.images.base import ensure_base, images_folder
from bench.images.build import ensure_image
from bench.images.engine import LABEL
from bench.images.recipe import RECIPES
from bench.paths import ROOT, default_store
from bench.runners.limits import Limits
from test_board_container import IDENTITY
from test_docker_runner import RECIPE

AT_ONCE = 4
NEVER = threading.Event()


def run_board() -> None:
    """An emulated board from start to end."""
    folder = images_folder(default_store())
    base = ensure_base(folder, print, NEVER)
    image = ensure_image(RECIPES["board"], base, folder, print, NEVER)
    key = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    with contained(image, ContainedBoard(IDENTITY, key, 1, Limits()), print, NEVER) as address:
        assert address.port


def build_probe(store: str) -> None:
    """The probe's image, built from a store of its own; prints its identifier."""
    base = ensure_base(images_folder(default_store()), print, NEVER)
    image = ensure_image(RECIPE, base, Path(store) / "images", print, NEVER)
    print("image", image.id)


def start(call: str, network: str = "") -> subprocess.Popen[str]:
    """Another process that does `call` of this module."""
    script = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
import test_first_use as t
t.module.NETWORK = {network!r}
t.{call}
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> str:
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return said


def networks(client: DockerClient, name: str) -> list[str]:
    found = client.api.networks(filters={"label": LABEL})
    return [network["Id"] for network in found if network["Name"] == name]


@pytest.fixture
def network(client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The boards' network under a name that no run uses, so that it is not there yet."""
    name = f"{module.NETWORK}-test-{os.getpid()}"
    monkeypatch.setattr(module, "NETWORK", name)
    yield name
    for left in networks(client, name):
        client.api.remove_network(left)


def test_processes_that_start_boards_at_once_share_one_network(
    client: DockerClient, network: str
) -> None:
    run_board()  # the image is there
    (first,) = networks(client, network)
    client.api.remove_network(first)
    for process in [start("run_board()", network) for _ in range(AT_ONCE)]:
        finish(process)
    assert len(networks(client, network)) == 1


def test_networks_left_twice_by_an_earlier_run_heal_by_themselves(
    client: DockerClient, network: str
) -> None:
    for _ in range(3):
        with contextlib.suppress(APIError):  # an engine that keeps names unique cannot be so broken
            client.api.create_network(network, "bridge", labels={LABEL: module.KIND})
    run_board()
    assert len(networks(client, network)) == 1


def test_an_image_is_built_once_for_two_stores_at_once(
    client: DockerClient, tmp_path: Path
) -> None:
    with contextlib.suppress(ImageNotFound):
        base = ensure_base(images_folder(default_store()), print, NEVER)
        wanted = RECIPE.image_hash(base)
        client.images.remove(f"{LABEL}/{RECIPE.name}:{wanted[:12]}", force=True)
    stores = [tmp_path / name for name in ("a", "b")]
    said = [finish(one) for one in [start(f"build_probe({str(store)!r})") for store in stores]]
    assert len({text.rpartition("image ")[2] for text in said}) == 1
    assert sum("Finished" in text for text in said) == 1
