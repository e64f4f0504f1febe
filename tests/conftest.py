"""What all layers of tests share: no temporary folder has a harmless path; a store with results."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Modules that tests share; pytest itself puts no folder of tests on the path.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), *(str(HERE / layer) for layer in ("integration", "sim"))]

from temporary import use  # noqa: E402

if TYPE_CHECKING:
    from built_archive import Built

    from bench.report.figures import Figure, Rendered

use(tempfile.gettempdir())


@pytest.fixture
def plain_path() -> Iterator[Path]:
    """A short path without odd characters, for what cannot do with others."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def no_fsync() -> Iterator[None]:
    """Durability cannot be seen by a test that does not cut the power, and costs seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes seconds; only what tests figures draws."""

    def render(figure: Figure, names: object) -> Rendered | None:
        from bench.report.figures import Rendered

        return Rendered("<svg></svg>", "<svg></svg>", b"") if figure.draw else None

    monkeypatch.setattr("bench.report.html.write.render", render)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A store with a small grid's results, and its archive."""
    from built_archive import Built  # pandas, which few tests need

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        return Built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def on_built(tmp_path: Path, built: Built, monkeypatch: pytest.MonkeyPatch) -> Built:
    """A copy of the built store that may be damaged."""
    from built_archive import Built

    from bench.pipeline import Resolver
    from bench.store import Store

    root = tmp_path / "store"
    shutil.copytree(built.resolver.store.root, root, symlinks=True)
    resolver = Resolver(Store(root), built.resolver.runners)
    monkeypatch.setattr(
        "bench.session.runners.open_resolver", lambda path, choice, grid=None: resolver
    )
    copy = object.__new__(Built)
    vars(copy).update(vars(built) | {"resolver": resolver})
    return copy
