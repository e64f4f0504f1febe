"""The reader of TOML and JSON files from users: whatever is in them, a clear error."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from bench.console.text import excerpt
from bench.errors import ConfigError

MIB = 1 << 20
LARGEST = MIB
"""Bytes of a file, unless the caller allows more; ours have some thousand."""
DEEPEST = 32
"""Levels of nesting; no file of ours has ten."""
# Python converts no longer ones; none of ours has twenty.
_MOST_DIGITS = 300
_LONG_NUMBER = re.compile(rf"(?<![\w.])[-+]?[0-9][0-9_]{{{_MOST_DIGITS},}}(?![\w.])")
# As tomllib writes a key, such as ('train', 'bits')
_KEYS = re.compile(r"""\((?:(?:'[^'\\]*'|"[^"\\]*"),? ?)+\)""")
# Each part of a dotted key costs tomllib time in proportion to those before it.
_LONG_KEY = re.compile(rf"^[ \t\[]*(?:[\w\"'-]+[ \t]*\.[ \t]*){{{DEEPEST},}}", re.MULTILINE)


class UnreadableFile(ConfigError):
    """A file cannot be read, or does not hold what its format demands."""


def read_toml(path: Path, largest: int = LARGEST) -> dict[str, Any]:
    """The tables of a TOML file of at most `largest` bytes.

    Raises:
        UnreadableFile: It is missing, too large, not UTF-8, not TOML, or nested too deeply.
    """
    text = read_text(path, "TOML", largest)
    if key := _LONG_KEY.search(text):
        raise _too_deep(path, _line_of(text, key.start()))
    data: dict[str, Any] = _parsed(path, "TOML", text, tomllib.loads)
    return data


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """The value in a JSON file of at most `largest` bytes.

    Raises:
        UnreadableFile: It is missing, too large, not UTF-8, not JSON (NaN and Infinity are not
            JSON), names a key twice, or is nested too deeply.
    """
    return _parsed(path, "JSON", read_text(path, "JSON", largest), _strict_json)


def _strict_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_without_twins, parse_constant=_refuse_constant)


def read_text(path: Path, form: str, largest: int) -> str:
    """The text of a file of at most `largest` bytes, its lines ended by newlines.

    `form` is its kind, for people.

    Raises:
        UnreadableFile: It is missing, too large, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}.", "Check the path.") from None
    except ValueError:  # a null byte in the path
        raise UnreadableFile(f"{path} is not a path.", "Check the path.") from None
    if len(content) > largest:
        size = f"{largest // MIB} MiB" if largest >= MIB else f"{largest >> 10} KiB"
        raise UnreadableFile(
            f"{path} is larger than {size}.", f"Give a {form} file of at most {size}."
        )
    try:
        # Editors on Windows begin a file with a mark of its byte order.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(
            f"{path}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8.",
            "Save the file in the encoding UTF-8.",
        ) from None


def _parsed(path: Path, form: str, text: str, parse: Callable[[str], Any]) -> Any:
    if number := _LONG_NUMBER.search(text):
        raise UnreadableFile(
            f"{path}, line {_line_of(text, number.start())}: a number of {len(number[0])} digits.",
            "Correct the number.",
        )
    try:
        data = parse(text)
    except RecursionError:
        raise _too_deep(path) from None
    except ValueError as error:
        # What is quoted from the file may be of any length.
        raise UnreadableFile(
            f"{path} is not valid {form}: {excerpt(_plainly(str(error)), 300)}.", "Correct it."
        ) from None
    if _depth_exceeds(data, DEEPEST):
        raise _too_deep(path)
    return data


def _plainly(text: str) -> str:
    """An error of tomllib's, with keys as they stand in the file instead of as tuples."""
    return _KEYS.sub(lambda keys: "'" + ".".join(ast.literal_eval(keys[0])) + "'", text)


def _too_deep(path: Path, line: int | None = None) -> UnreadableFile:
    where = f"{path}, line {line}" if line else f"{path}"
    return UnreadableFile(f"{where}: nested more than {DEEPEST} levels deep.", "Nest it less.")


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _depth_exceeds(data: Any, most: int) -> bool:
    level = [data]
    for _ in range(most + 1):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, value in pairs:
        if name in data:
            raise ValueError(f"the key '{name}' is given twice")
        data[name] = value
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
