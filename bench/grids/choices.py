"""Names in experiment files that have to be known, and values that may stand there once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from bench.errors import ConfigError, did_you_mean


def check_names(path: Path, field: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise `ConfigError` for the first of `names` that is not `known`."""
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{path}: {field} = '{name}' is not known.", did_you_mean(name, known)
            )


def repeated(values: Iterable[Any]) -> list[Any]:
    """Those of `values` that occur more than once."""
    return [value for value, count in Counter(values).items() if count > 1]
