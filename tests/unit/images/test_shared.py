"""An engine that several use at once: networks whose names are not unique, images in use."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import asyncssh
import pytest
from docker.errors import APIError, NotFound

from bench.boards import contained as module
from bench.boards.base import Identity
from bench.boards.contained import NETWORK, ContainedBoard, contained
from bench.errors import EnvironmentFailure
from bench.images.build import Image
from bench.images.cleanup import Leftover, outdated_images, remove
from bench.images.network import ensure_network
from bench.images.shared import use
from bench.paths import ROOT
from bench.runners.container import Setup
from bench.runners.limits import Limits

TASKS = 4


class Refused(APIError):
    """An answer of the engine with this HTTP status."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said, SimpleNamespace(status_code=status, reason="", url=""))


class Engine:
    """An engine as version 20 is: it lets several networks have one name, then minds them.

    Attributes:
        crowd: Where those that look for a network meet, so that all look before one creates.
        meanwhile: Called before a network is created: what somebody else does in that moment.
    """

    def __init__(self) -> None:
        self.api = self
        self.here: dict[str, dict[str, Any]] = {}
        self.used: list[str] = []
        self.numbers = itertools.count(1)
        self.crowd = threading.Barrier(TASKS)
        self.meanwhile: Callable[[], None] = lambda: None

    @contextmanager
    def open(self, timeout: int = 0) -> Iterator[Engine]:
        yield self

    def info(self) -> dict[str, str]:
        return {"ID": "AB:CD"}

    def networks(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        key, value = filters["label"].split("=")
        found = [
            one for one in self.here.values()
            if filters["name"] in one["Name"] and one["Labels"].get(key) == value
        ]  # fmt: skip
        self._meet(found)
        return found[::-1]

    def inspect_network(self, name: str) -> dict[str, Any]:
        if name in self.here:
            return self.here[name]
        found = [one for one in self.here.values() if one["Name"] == name]
        self._meet(found)
        if not found:
            raise NotFound(f"network {name} not found")
        if len(found) > 1:
            raise Refused(400, f"network {name} is ambiguous (2 matches found on name)")
        return found[0]

    def create_network(self, name: str, *_: object, labels: dict[str, str], **__: object) -> None:
        self.meanwhile()
        self.add(name, labels)

    def add(self, name: str, labels: dict[str, str]) -> str:
        number = next(self.numbers)
        # Of two that were made at once, the identifiers say nothing about the order.
        made = {"Id": f"id{9 - number}", "Name": name, "Labels": labels, "Created": f"{number}"}
        self.here[made["Id"]] = made
        return str(made["Id"])

    def remove_network(self, network: str) -> None:
        if network in self.used:
            raise Refused(403, "network has active endpoints")
        del self.here[network]

    def _meet(self, found: list[dict[str, Any]]) -> None:
        if not found:
            with contextlib.suppress(threading.BrokenBarrierError):
                self.crowd.wait(0.05)


class OnNetwork:
    """A container that does nothing but to be on its network."""

    port = 1

    def __init__(self, engine: Engine, setup: Setup, cancelled: threading.Event) -> None:
        self._engine = engine
        self._network = setup.network

    def __enter__(self) -> Self:
        self._engine.used.append(self._engine.inspect_network(self._network)["Id"])
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def output(self) -> Iterator[tuple[int, bytes]]:
        return iter(())


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the locks are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(module, "engine", engine.open)
    monkeypatch.setattr(module, "Container", OnNetwork)
    monkeypatch.setattr(module, "_wait_for_server", lambda *_: None)
    return engine


def run_board() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    identity = Identity(board="b", part="p", measured_on="emulated-board")
    wanted = ContainedBoard(identity, key, 1, Limits())
    with contained(Image("sha256:1", "", ()), wanted, print, threading.Event()):
        pass


def run_boards() -> None:
    """As many boards at once as there are tasks."""
    with ThreadPoolExecutor(TASKS) as threads:
        for done in [threads.submit(run_board) for _ in range(TASKS)]:
            done.result()


def ensure(engine: Engine) -> str:
    return ensure_network(engine, NETWORK, "board", {}, threading.Event())  # type: ignore[arg-type]


def test_tasks_that_start_at_once_on_an_empty_engine_share_one_network(engine: Engine) -> None:
    run_boards()
    assert len(engine.here) == 1
    assert engine.used == list(engine.here) * TASKS


def test_networks_that_an_earlier_run_made_twice_do_not_disturb_and_go(engine: Engine) -> None:
    oldest, *others = [engine.add(NETWORK, {"finn-bench": "board"}) for _ in range(3)]
    engine.used = others[:1]
    run_boards()
    assert engine.used[1:] == [oldest] * TASKS
    assert list(engine.here) == [oldest, others[0]]  # one is in use, and goes later
    engine.used = []
    run_board()
    assert list(engine.here) == [oldest]


def test_another_user_who_makes_one_in_the_same_moment(engine: Engine) -> None:
    engine.meanwhile = lambda: engine.add(NETWORK, {"finn-bench": "board"}) and None
    assert ensure(engine) == ensure(engine)
    assert [one["Created"] for one in engine.here.values()] == ["1"]


def test_networks_of_others_are_neither_taken_nor_removed(engine: Engine) -> None:
    foreign = [engine.add(NETWORK, {}), engine.add(f"{NETWORK}-2", {"finn-bench": "board"})]
    assert ensure(engine) not in foreign
    assert set(foreign) < set(engine.here)


def test_where_names_are_unique_a_foreign_network_is_named(engine: Engine) -> None:
    engine.add(NETWORK, {})

    def refuse() -> None:
        raise Refused(409, f"network with name {NETWORK} already exists")

    engine.meanwhile = refuse
    with pytest.raises(EnvironmentFailure, match="that bench did not make") as caught:
        ensure(engine)
    assert f"docker network rm {NETWORK}" in caught.value.remedy


def test_a_network_removed_before_the_container_is_on_it_is_made_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cleaned_once(client: Engine, *arguments: Any) -> str:
        network = ensure_network(client, *arguments)  # type: ignore[arg-type]
        if network == "id8":
            client.remove_network(network)
        return network

    monkeypatch.setattr(module, "ensure_network", cleaned_once)
    run_board()
    assert engine.used == ["id7"]


def test_locks_are_the_same_for_every_store_and_others_for_another_engine(
    engine: Engine, locks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(engine)
    monkeypatch.setattr(engine, "info", lambda: {"ID": "another"})
    ensure(engine)
    names = [path.name for path in locks.rglob("*.lock")]
    assert len(names) == 2
    assert all(name.endswith(f"-{NETWORK}.lock") for name in names)


def test_a_folder_for_locks_that_cannot_be_used_is_said(engine: Engine, locks: Path) -> None:
    (locks / "elsewhere").mkdir()
    (locks / f"finn-bench-{(locks).stat().st_uid}").symlink_to(locks / "elsewhere")
    with pytest.raises(EnvironmentFailure, match="belongs to somebody else") as caught:
        ensure(engine)
    assert "TMPDIR" in caught.value.remedy


class Images:
    """An engine with images."""

    def __init__(self, *images: dict[str, Any]) -> None:
        self.removed: list[str] = []
        self.api = SimpleNamespace(images=lambda **_: images, remove_image=self.removed.append)

    def info(self) -> dict[str, str]:
        return {"ID": "AB:CD"}


def image(recipe: str, tag: str | None, kind: str) -> dict[str, Any]:
    labels = {"finn-bench.recipe": recipe, **({"finn-bench": kind} if kind else {})}
    tags = [tag] if tag else None
    return {"Id": f"sha256:{recipe}-{kind}", "RepoTags": tags, "Labels": labels}


def test_images_of_other_recipes_are_outdated_and_what_others_took_the_name_from() -> None:
    client = Images(
        image("old", "finn-bench/train:old", "train"),
        image("now", "finn-bench/train:now", "train"),
        image("now", None, "finn"),
        image("now", "<none>:<none>", "packages"),
        image("now", None, ""),
        image("old", None, "packages"),
        image("old", "<none>:<none>", ""),
    )
    found = outdated_images(client, {"now"})  # type: ignore[arg-type]
    outdated = ["finn-bench/train:old", "sha256:now-finn", "sha256:old-packages", "sha256:old-"]
    assert [left.id for left in found] == outdated


def test_images_that_a_live_run_uses_stay(locks: Path) -> None:
    script = f"""
import sys, tempfile
from types import SimpleNamespace
sys.path.insert(0, {str(ROOT)!r})
tempfile.tempdir = {str(locks)!r}
from bench.images.shared import use
use(SimpleNamespace(info=lambda: {Images().info()!r}), "used")
print(flush=True)
sys.stdin.read()
"""
    client: Any = Images()
    leftovers = [Leftover("image", f"{name}:1", "", name) for name in ("used", "unused")]
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        run.stdout.readline()
        assert [remove(client, left) for left in leftovers] == [False, True]
        run.kill()
    assert remove(client, leftovers[0])
    assert client.removed == ["unused:1", "used:1"]
    use(client, "used")
    use(client, "used")
    assert not remove(client, leftovers[0])
