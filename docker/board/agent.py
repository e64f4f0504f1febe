"""The agent that holds a board for a run: its lock, a private folder, a cache by content.

`python3 -c "<this file>" FOLDER HOLDER` takes the board or says who has it, then answers requests,
one JSON object a line each way. It ends and removes the folder when standard input closes or
heartbeats stop: a run whose connection died cannot keep the board. The kernel releases the lock
in any case. Standard library only, Python 3.10 or newer.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOP = Path.home() / ".bench"
# A run sends a heartbeat every few seconds; after this long without any, it counts as dead.
SILENCE_S = 30.0
CACHE_BYTES = 1 << 30
_CHUNK = 1 << 16
_READ = 1 << 20


def main() -> int:
    """Take the board and serve one run; returns the exit status."""
    session, holder = TOP / "sessions" / sys.argv[1], sys.argv[2]
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        (TOP / "cache").mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(TOP / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _answer({"error": f"{error.filename}: {error.strerror}", "full": _is_full(error)})
        return 1
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _answer({"busy": os.read(lock, _CHUNK).decode(errors="replace") or "another run"})
        return 0
    os.ftruncate(lock, 0)
    os.pwrite(lock, holder.encode(), 0)
    try:
        _serve(session)
    finally:
        os.ftruncate(lock, 0)
        # Only the holder of the lock has a folder: those of other sessions are leftovers.
        shutil.rmtree(session)
    return 0


def _leave(*_: object) -> None:
    raise SystemExit(1)


def _serve(session: Path) -> None:
    left = sorted(path.name for path in session.parent.glob("*"))
    for name in left:
        shutil.rmtree(session.parent / name)
    session.mkdir(mode=0o700, parents=True)
    _evict(_cached_bytes() - CACHE_BYTES, ())
    _answer({"held": str(session), "leftovers": left})
    for request in _requests():
        try:
            _answer(_do(session, request))
        except OSError as error:
            _answer({"error": f"{error.filename}: {error.strerror}", "full": _is_full(error)})


def _requests() -> Iterator[dict[str, Any]]:
    """The run's requests without its heartbeats, until it ends or its heartbeats stop."""
    rest = b""
    while select.select([0], [], [], SILENCE_S)[0]:
        data = os.read(0, _CHUNK)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["do"] != "heartbeat":
                yield request


def _do(session: Path, request: dict[str, Any]) -> dict[str, Any]:
    if request["do"] == "place":
        return _place(session, request["files"])
    if request["do"] == "hash":
        return {"sha256": _sha256(session / request["name"])}
    if request["do"] == "make room":
        return {"freed": _evict(request["bytes"], request["keep"])}
    return {"error": f"no such request: {request['do']}", "full": False}


def _place(session: Path, files: dict[str, list[Any]]) -> dict[str, Any]:
    """Link files from the cache into the session; answers which the cache lacks.

    `files` has SHA-256, size in bytes and mode by name.
    """
    sound: dict[str, bool] = {}
    parts: dict[str, int] = {}
    missing = []
    for name, (checksum, size, mode) in files.items():
        if checksum not in sound:
            sound[checksum] = _verify(checksum, size)
        if not sound[checksum]:
            missing.append(name)
            part = TOP / "cache" / f"{checksum}.part"
            parts[checksum] = part.stat().st_size if part.exists() else 0
            continue
        target = session / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(TOP / "cache" / checksum, target)
        target.chmod(mode)
        os.utime(target)
    return {"missing": missing, "parts": parts}


def _verify(checksum: str, size: int) -> bool:
    """Whether the cache has the file intact; a complete part becomes the file."""
    kept = TOP / "cache" / checksum
    if kept.exists():
        if _sha256(kept) == checksum:
            return True
        kept.unlink()
    part = kept.with_name(f"{checksum}.part")
    if not part.exists() or part.stat().st_size != size:
        return False
    if _sha256(part) != checksum:
        part.unlink()
        return False
    part.replace(kept)
    return True


def _evict(wanted: int, keep: list[str] | tuple[str, ...]) -> int:
    """Remove the least recently used files, at least `wanted` bytes; returns the bytes freed."""
    entries = [path for path in (TOP / "cache").iterdir() if path.stem not in keep]
    freed = 0
    for path in sorted(entries, key=lambda path: path.stat().st_mtime):
        if freed >= wanted:
            break
        freed += path.stat().st_size
        path.unlink()
    return freed


def _cached_bytes() -> int:
    return sum(path.stat().st_size for path in (TOP / "cache").iterdir())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return digest.hexdigest()


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _answer(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
