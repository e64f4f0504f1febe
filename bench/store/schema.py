"""What a manifest has to look like, checked once, where it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

# Raised when fields come, go or change their meaning.
SCHEMA = 1

_SHA256 = "^[0-9a-f]{64}$"
_is_sha256 = re.compile(_SHA256[:-1]).fullmatch


def require_manifest(content: bytes, *, digested: bool) -> dict[str, Any]:
    """The checked fields of the manifest in a file's `content`.

    Args:
        content: Of the file.
        digested: Whether it begins with a digest.

    Raises:
        ValueError: This version cannot rely on it; the message continues the file's name.
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
        raise ValueError("has no digest")
    del data["digest"]
    if missing := [name for name in _FIELDS if name not in data]:
        raise ValueError(f"is not a manifest: it lacks '{missing[0]}'")
    for name, value in data.items():
        if name not in _FIELDS:
            raise ValueError(f"is not a manifest: '{name[:40]}' is not known")
        try:
            _FIELDS[name].validate_python(value, strict=True)
        except ValidationError:
            problem = f"is not a manifest: '{name}' is {repr(value)[:60]}"
            raise ValueError(problem) from None
    del data["schema"]
    return data


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _if(holds: Callable[[Any], bool]) -> AfterValidator:
    def require(value: Any) -> Any:
        if not holds(value):
            raise ValueError
        return value

    return AfterValidator(require)


def _is_host(value: dict[str, str]) -> bool:
    memory = value.get("memory_bytes", "0")
    return memory.isdecimal() and len(memory) < 20


def _are_artifacts(value: list[Any]) -> bool:
    return all(map(_is_artifact, value))


def _is_artifact(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"path", "sha256", "bytes"}
        and isinstance(path := value["path"], str)
        and _leads_below(path)
        and isinstance(digest := value["sha256"], str)
        and _is_sha256(digest) is not None
        and type(size := value["bytes"]) is int
        and size >= 0
    )


def _leads_below(path: str) -> bool:
    """Whether `path` stays in its folder; most pass the first, quicker check."""
    plain = path[:1].isalnum() and "/." not in path and "//" not in path and path[-1] != "/"
    return plain or not {"", ".", ".."} & set(path.split("/"))


_Hash = Annotated[str, Field(pattern=_SHA256)]
_Name = Annotated[str, Field(pattern=r"^[^/\x00]+$")]
Moment = Annotated[str, _if(lambda text: datetime.fromisoformat(text).tzinfo is not None)]
Seconds = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
_Texts = dict[str, str]
_KINDS: dict[str, Any] = {
    "schema": Annotated[int, Field(ge=SCHEMA, le=SCHEMA)],
    "key": _Hash,
    "stage": _Name,
    "name": _Name,
    "status": _Name,
    "reason": str,
    "spec": dict[str, Any],
    "inputs": dict[str, _Hash],
    "artifacts": Annotated[list[Any], _if(_are_artifacts)],
    "environment": Annotated[_Texts, _if(lambda texts: "runner" in texts)],
    "tools": _Texts,
    "host": Annotated[_Texts, _if(_is_host)],
    "created": Moment,
    "seconds": Seconds,
    "timings": dict[str, Seconds],
    "peak_memory_bytes": Annotated[int, Field(ge=0)],
    "checkout": _Texts,
}
_FIELDS = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}
