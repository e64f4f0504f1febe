"""Locks between all runs that use an engine, from whatever clone and store.

They are not in a store, as two stores may share an engine. They are the user's own; they do not
exclude runs of another user or another machine, so what is made under them is looked up again
afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from docker.client import DockerClient

from bench.errors import EnvironmentFailure
from bench.images.engine import LABEL, engine
from bench.system.locks import hold

_uses: dict[str, int] = {}  # files whose locks this process holds to its end, by recipe
_uses_lock = threading.Lock()


@contextmanager
def exclusive(client: DockerClient, what: str, cancelled: threading.Event) -> Iterator[None]:
    """Hold the lock for making `what` on the engine of `client`; see `hold`."""
    with hold(_place(client, what, "lock"), cancelled):
        yield


@contextmanager
def building(
    image: str, folder: Path, cancelled: threading.Event, on_wait: Callable[[], None]
) -> Iterator[None]:
    """Hold the locks for building `image`: the engine's, and that of `folder`, which engines share.

    `on_wait` is called if another run builds it.

    Raises:
        EnvironmentFailure: No engine answers.
        Cancelled: `cancelled` was set while waiting.
    """
    with engine() as client:
        path = _place(client, image, "lock")
    with hold(path, cancelled, on_wait), hold(folder / f"{image}.lock", cancelled, on_wait):
        yield


def use(client: DockerClient, recipe: str) -> None:
    """Keep the images of `recipe` from being cleaned away for as long as this process lives."""
    with _uses_lock:
        if recipe not in _uses:
            _uses[recipe] = _open(client, recipe)
            fcntl.flock(_uses[recipe], fcntl.LOCK_SH)


@contextmanager
def unused(client: DockerClient, recipe: str) -> Iterator[bool]:
    """Whether no live run of this user uses the images of `recipe`; none can begin to meanwhile."""
    handle = _open(client, recipe)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


def _open(client: DockerClient, recipe: str) -> int:
    """The file that those who use the images of `recipe` hold a shared lock on."""
    path = _place(client, recipe[:12], "use")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _place(client: DockerClient, what: str, kind: str) -> Path:
    """The lock file of `what` on this engine, made if it is missing."""
    identity = hashlib.sha256(str(client.info().get("ID")).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"{LABEL}-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
            raise PermissionError(None, "it belongs to somebody else")
        path = folder / f"{identity}-{what}.{kind}"
        path.touch(mode=0o600)
    except OSError as error:
        raise EnvironmentFailure(
            f"The folder for the locks of runs, {folder}, cannot be used: {error.strerror}.",
            "Name a folder of yours for temporary files with TMPDIR, the same for every run.",
        ) from error
    return path
