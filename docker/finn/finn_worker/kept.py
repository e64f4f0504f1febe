"""Files kept between runs: each carries the SHA-256 of its content in its name.

A file is checked whenever it is used. One that was cut short, changed, or cannot be read counts as
missing, so that it is made again.
"""

from __future__ import annotations

import hashlib
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stagekit import StageError

PLAIN, EXECUTABLE = 0o666, 0o777  # less what the umask takes away


def log(text: str) -> None:
    """Write a line to the stage's log."""
    print(text, file=sys.stderr)


@dataclass(frozen=True)
class Cache:
    """A folder of such files, which several processes may use at once.

    Attributes:
        folder: Made when it is first written to.
        note: Called with what a person should know.
    """

    folder: Path
    note: Callable[[str], None] = log

    def find(self, name: str) -> Path | None:
        """Where the file kept as `name` lies; None where there is none."""
        found = self._sound(name)
        return None if found is None else found[0]

    def read(self, name: str) -> bytes | None:
        """The content kept as `name`; None where there is none."""
        found = self._sound(name)
        return None if found is None else found[1]

    def keep(self, name: str, content: bytes, mode: int = PLAIN) -> Path:
        """Keep `content` as `name`; nobody ever sees half of it.

        Raises:
            StageError: The folder is full or cannot be written.
        """
        path = self._path(name, hashlib.sha256(content).hexdigest())
        try:
            self._write(path, content, mode)
        except OSError as error:
            raise _unwritable(path, error) from error
        return path

    def check_writable(self) -> None:
        """Raise `StageError` where nothing could be kept, before work is spent on it."""
        try:
            probe = self._temporary()
            probe.touch(exist_ok=False)
            probe.unlink()
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _sound(self, name: str) -> tuple[Path, bytes] | None:
        damaged = False
        for path in sorted(self.folder.glob(self._path(name, "*").name)):
            try:
                content = path.read_bytes()
            except OSError:
                content = b""
            if path == self._path(name, hashlib.sha256(content).hexdigest()):
                return path, content
            # Left where it is: what is made again takes its place at once.
            damaged = True
        if damaged:
            self.note(f"The cached file {name} was damaged; it is made again.")
        return None

    def _path(self, name: str, digest: str) -> Path:
        plain = Path(name)
        return self.folder / f"{plain.stem}-{digest}{plain.suffix}"

    def _temporary(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f".new-{uuid.uuid4().hex}"

    def _write(self, path: Path, content: bytes, mode: int) -> None:
        temporary = self._temporary()
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _unwritable(path: Path, error: OSError) -> StageError:
    return StageError(
        f"The cache cannot be written: {path}: {error.strerror}.",
        "Free disk space, make it writable, or choose another store; then rerun.",
    )
