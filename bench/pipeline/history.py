"""How long tasks took in earlier runs.

`history.jsonl` in the store has a line for each artifact made; `bench store gc` leaves it alone, so
that predictions survive an emptied store.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from filelock import FileLock
from pydantic import Field, TypeAdapter, ValidationError

from bench.errors import store_error
from bench.pipeline.budget import Work
from bench.store import Manifest
from bench.store.schema import Moment, Seconds
from bench.system.files import read_bytes
from contract.stage import GIB

FILE = "history.jsonl"
# How the names of a simulator's build timings begin; a cached simulator has none.
BUILD = "build"

_Bytes = Annotated[int, Field(ge=0, lt=1 << 60)]


@dataclass(frozen=True)
class Record:
    """One artifact that was made.

    Attributes:
        machine: See `machine_of`.
        build_seconds: The part of `seconds` that the simulator cache would save.
        memory: Peak in bytes; 0 if not measured.
        disk: Bytes of the artifact.
        created: ISO 8601, UTC.
    """

    key: str
    work: Work
    machine: str
    seconds: Seconds
    build_seconds: Seconds
    memory: _Bytes
    disk: _Bytes
    created: Moment


_RECORD = TypeAdapter(Record)


def machine_of(host: Mapping[str, str]) -> str:
    """What tells machines apart as far as timings go; manifests do not name the host.

    Args:
        host: From a manifest.
    """
    gib = round(int(host.get("memory_bytes", 0)) / GIB)
    machine, processors = (host.get(name, "unknown") for name in ("machine", "processors"))
    return f"{machine}, {processors} processors, {gib} GiB"


def as_record(manifest: Manifest, work: Work) -> Record:
    """What the manifest of an artifact says of the work that made it."""
    builds = (s for name, s in manifest.timings.items() if name.startswith(BUILD))
    return Record(
        key=manifest.key,
        work=work,
        machine=machine_of(manifest.host),
        seconds=manifest.seconds,
        build_seconds=sum(builds),
        memory=manifest.peak_memory_bytes,
        disk=sum(artifact.bytes for artifact in manifest.artifacts),
        created=manifest.created,
    )


def append(store: Path, record: Record) -> None:
    """Add a line to the history of `store`; safe beside other runs and after a power cut.

    Raises:
        StoreError: It cannot be written.
    """
    path = store / FILE
    line = json.dumps(asdict(record), sort_keys=True).encode() + b"\n"
    try:
        with FileLock(store / "locks" / f"{FILE}.lock"), path.open("a+b") as file:
            if file.tell():
                file.seek(-1, 2)
                # Half a line, left by a power cut, must not spoil this one.
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
    except OSError as error:
        raise store_error(error, path) from error


def read(store: Path) -> list[Record]:
    """The history of `store`, oldest first; lines that this version cannot read are left out.

    Raises:
        StoreError: It cannot be read.
    """
    path = store / FILE
    try:
        lines = read_bytes(path).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise store_error(error, path) from error
    records = []
    for line in lines:
        try:
            record = _RECORD.validate_json(line, strict=True)
        except ValidationError:
            continue  # a record less only makes predictions less accurate
        if record.work.amount < math.inf:
            records.append(record)
    return records
