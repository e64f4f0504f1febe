"""Where the project's own files are."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import EnvironmentFailure

ROOT = Path(__file__).resolve().parent.parent


def default_store() -> Path:
    """The artifact store: `$BENCH_STORE`, else `artifacts/` in the checkout."""
    return Path(os.environ.get("BENCH_STORE") or ROOT / "artifacts").absolute()


def environments_folder(store: Path) -> Path:
    """Where virtual environments live: `$BENCH_ENVIRONMENTS`, else inside `store`."""
    return Path(os.environ.get("BENCH_ENVIRONMENTS") or store / "environments").absolute()


def require_checkout() -> None:
    """Raise `EnvironmentFailure` unless bench runs from a checkout with its workers beside it."""
    if not (ROOT / "docker" / "common" / "stagekit").is_dir():
        raise EnvironmentFailure(
            f"The stage workers are missing beside {ROOT / 'bench'}.",
            "Clone the repository and run `make setup` in it; a bare pip install is not enough.",
        )
