"""What a manifest has to look like, checked once, where it is read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

# Raised when fields come, go or change their meaning.
SCHEMA = 1

_SHA256 = re.compile("[0-9a-f]{64}").fullmatch
_LONGEST = 1e9  # seconds; more is no duration


def require_manifest(content: bytes, *, digested: bool) -> dict[str, Any]:
    """The fields of the manifest in `content`, each of its type.

    Args:
        content: Of the file.
        digested: Whether a digest stands before it.

    Raises:
        ValueError: It is no manifest that this version can rely on; the message follows its name.
    """
    try:
        data = _DECODER.decode(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON ({error})" if content.strip() else "is empty") from error
    if not isinstance(data, dict):
        raise ValueError("is not a manifest")
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise ValueError(f"is of a later version of bench (schema {schema}, here {SCHEMA})")
    if not digested:
        # Whatever it says, nothing vouches for it.
        raise ValueError("has no digest")
    del data["digest"]
    missing = [name for name in _FIELDS if name not in data]
    if missing:
        raise ValueError(f"is not a manifest: it lacks '{missing[0]}'")
    for name, value in data.items():
        if name not in _FIELDS:
            raise ValueError(f"is not a manifest: '{name[:40]}' is not known")
        if not _FIELDS[name](value):
            raise ValueError(f"is not a manifest: '{name}' is {repr(value)[:60]}")
    del data["schema"]
    return data


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _is_schema(value: object) -> bool:
    return type(value) is int and value == SCHEMA


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != "" and "/" not in value and "\0" not in value


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256(value) is not None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_duration(value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value < _LONGEST  # type: ignore[arg-type, operator]


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _table_of(is_value: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and all(map(is_value, value.values()))


def _is_environment(value: object) -> bool:
    return _table_of(_is_text)(value) and isinstance(value, dict) and "runner" in value


def _is_host(value: object) -> bool:
    memory = value.get("memory_bytes", "0") if isinstance(value, dict) else ""
    return _table_of(_is_text)(value) and memory.isdecimal() and len(memory) < 20


def _are_artifacts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_artifact, value))


def _is_artifact(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == _ARTIFACT
        and isinstance(path := value["path"], str)
        and _leads_below(path)
        and _is_sha256(value["sha256"])
        and _is_count(value["bytes"])
    )


def _leads_below(path: str) -> bool:
    """Whether `path` stays in its folder; most are told at a glance, and there are many."""
    plain = path[:1].isalnum() and "/." not in path and "//" not in path and path[-1] != "/"
    return plain or not {"", ".", ".."} & set(path.split("/"))


_ARTIFACT = {"path", "sha256", "bytes"}
_FIELDS: dict[str, Callable[[Any], bool]] = {
    "schema": _is_schema,
    "key": _is_sha256,
    "stage": _is_name,
    "name": _is_name,
    "status": _is_name,
    "reason": _is_text,
    "spec": _is_table,
    "inputs": _table_of(_is_sha256),
    "artifacts": _are_artifacts,
    "environment": _is_environment,
    "tools": _table_of(_is_text),
    "host": _is_host,
    "created": _is_moment,
    "seconds": _is_duration,
    "timings": _table_of(_is_duration),
    "peak_memory_bytes": _is_count,
    "checkout": _table_of(_is_text),
}
