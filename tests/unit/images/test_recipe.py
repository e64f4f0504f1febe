"""What identifies an image: exactly what is in it, and nothing of when or where it is built."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from bench.flows import all_stages
from bench.images import recipe as module
from bench.images.base import Base
from bench.images.context import Item, gather, hash_items, open_context
from bench.images.recipe import RECIPES, Recipe

BASE = Base("debian", "sha256:1", "local")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one Dockerfile, one lock and one worker."""
    for name in ("Dockerfile.x", "x.lock", "worker/main.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


RECIPE = Recipe("x", "Dockerfile.x", ("x.lock",), ("worker",), None)


def _archive(items: list[Item]) -> bytes:
    with open_context(items, Path(tempfile.gettempdir())) as file:
        return file.read()


def test_a_changed_worker_is_another_image_of_the_same_environment(checkout: Path) -> None:
    before = (RECIPE.environment_hash(BASE), RECIPE.image_hash(BASE))
    (checkout / "worker" / "main.py").write_text("changed")
    assert RECIPE.environment_hash(BASE) == before[0]
    assert RECIPE.image_hash(BASE) != before[1]


@pytest.mark.parametrize("name", ["Dockerfile.x", "x.lock"])
def test_a_changed_pin_is_another_environment(checkout: Path, name: str) -> None:
    before = RECIPE.environment_hash(BASE)
    (checkout / name).write_text("changed")
    assert RECIPE.environment_hash(BASE) != before


@pytest.mark.usefixtures("checkout")
def test_another_base_or_processor_is_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RECIPE.environment_hash(BASE)
    assert RECIPE.environment_hash(Base("debian", "sha256:2", "local")) != before
    assert RECIPE.environment_hash(Base("other name", "sha256:1", "pinned")) == before
    monkeypatch.setattr(module.platform, "machine", lambda: "riscv64")
    assert RECIPE.environment_hash(BASE) != before


def test_what_tools_leave_is_no_source(checkout: Path) -> None:
    before = RECIPE.image_hash(BASE)
    for name in ("__pycache__/main.pyc", ".cache/entry"):
        path = checkout / "worker" / name
        path.parent.mkdir()
        path.write_text("left")
    assert RECIPE.image_hash(BASE) == before


def test_a_renamed_file_is_another_content(checkout: Path) -> None:
    before = hash_items(gather(checkout, ["worker"]))
    (checkout / "worker" / "main.py").rename(checkout / "worker" / "other.py")
    assert hash_items(gather(checkout, ["worker"])) != before


def test_a_context_depends_on_contents_only(checkout: Path) -> None:
    items = gather(checkout, ["Dockerfile.x", "x.lock", "worker"])
    before = _archive(items)
    os.utime(checkout / "x.lock", (1, 1))
    (checkout / "x.lock").chmod(0o600)
    assert _archive(list(reversed(items))) == before
    (checkout / "x.lock").write_text("changed")
    assert _archive(items) != before


@pytest.mark.parametrize("name", ["train", "finn"])
def test_every_image_holds_all_the_sources_that_its_stages_declare(name: str) -> None:
    names = {item.name for item in RECIPES[name].files()}
    dockerfile = (module.ROOT / f"Dockerfile.{name}").read_text()
    for stage in all_stages().values():
        if stage.environment == name:
            for source in stage.sources:
                assert any(file.startswith(source) for file in names)
                assert f"COPY {source} " in dockerfile


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_dockerfiles_keep_to_what_every_builder_takes(name: str) -> None:
    text = (module.ROOT / RECIPES[name].dockerfile).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert "# syntax" not in text
    assert not [line for line in lines if "--mount" in line or "<<" in line]
    users = [line for line in lines if line.startswith("USER ")]
    assert users
    assert not any(user.split()[1].startswith(("0", "root")) for user in users)
