"""Pages that are made from the sources: written, or checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def update(pages: Mapping[Path, str], *, check: bool) -> int:
    """Write what differs, or with `check` say so; the exit status, 1 for pages out of date."""
    old = [path for path, text in pages.items() if not path.exists() or path.read_text() != text]
    for path in old:
        if check:
            print(f"{path.relative_to(ROOT)} is not up to date: run `make docs`")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(pages[path])
    return 1 if check and old else 0
