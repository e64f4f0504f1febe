"""Errors about a grid in the words of the command line, where that said what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bench.errors import ConfigError


def in_options(
    error: ConfigError, path: Path, options: Mapping[str, str], remedy: str
) -> ConfigError:
    """`error` about the grid in `path`, with options in the place of keys.

    Args:
        error: Names keys, and items of lists by their number: `train.bits.0.1`.
        path: The grid's file, which nobody has named.
        options: What gives each key: `{"train.bits": "--bits"}`.
        remedy: Takes the place of one that is about correcting a file.
    """
    spelled = "|".join(re.escape(key) for key in sorted(options, key=len, reverse=True))
    keys = re.compile(rf"(?<![\w./])({spelled})(?:\.\d+)*(?!\.?\w)")

    def worded(text: str) -> str:
        return keys.sub(lambda match: options[match[1]], text.replace(f"{path}: ", ""))

    of_a_file = "the file" in error.remedy
    return ConfigError(worded(error.what), remedy if of_a_file else worded(error.remedy))
