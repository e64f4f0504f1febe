"""Pages that are made from the sources: written, or checked."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(about: str, pages: Mapping[Path, str]) -> int:
    """Write `pages`, or check them with --check; the exit status of a tool that `about` is of."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail on differences")
    return update(pages, check=parser.parse_args().check)


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
