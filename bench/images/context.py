"""Build contexts: exactly the files that an image is made of, in an archive without time stamps."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.images.pins import load
from bench.store.keys import hash_file

_LEFT_BY_TOOLS = "__pycache__"


@dataclass(frozen=True)
class Item:
    """A file of a context: its name there, and where it comes from."""

    name: str
    path: Path


def gather(root: Path, names: Iterable[str]) -> list[Item]:
    """The files and the content of the folders `names` below `root`, in order.

    Byte code and hidden files, which tools leave in source folders, are left out.
    """
    items = []
    for name in names:
        top = root / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            relative = path.relative_to(root)
            hidden = any(part.startswith(".") or part == _LEFT_BY_TOOLS for part in relative.parts)
            if path.is_file() and (not hidden or path == top):
                items.append(Item(relative.as_posix(), path))
    return items


def hash_items(items: Sequence[Item]) -> str:
    """SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda item: item.name):
        digest.update(f"{item.name}\0{hash_file(item.path)}\n".encode())
    return digest.hexdigest()


@contextmanager
def open_context(items: Sequence[Item], folder: Path) -> Iterator[IO[bytes]]:
    """The context as an archive in a nameless file in `folder`; same contents, same bytes."""
    epoch = load().epoch
    with tempfile.TemporaryFile(dir=folder) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for item in sorted(items, key=lambda item: item.name):
                entry = tarfile.TarInfo(item.name)
                entry.size = item.path.stat().st_size
                entry.mtime = epoch
                entry.mode = 0o644
                with item.path.open("rb") as content:
                    archive.addfile(entry, content)
        file.seek(0)
        yield file
