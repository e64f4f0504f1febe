"""Exit codes of the `bench` command, the errors that lead to them, and how errors are worded."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """Exit codes of the `bench` command."""

    OK = 0
    STAGE_FAILED = 1
    CONFIG = 2
    ENVIRONMENT = 3
    DATA = 4
    STORE = 5
    BOARD = 6
    CLAIM = 7
    DIFFERENT = 8
    WRONG = 9
    BUG = 70
    HANGUP = 129
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143


EXIT_MEANING: dict[Exit, str] = {
    Exit.OK: "everything asked for is done",
    Exit.STAGE_FAILED: "a stage failed; the others went on",
    Exit.CONFIG: "the command line or the experiment file is wrong",
    Exit.ENVIRONMENT: "a tool is missing or an environment could not be set up",
    Exit.DATA: "a data set is not available or does not match its checksum",
    Exit.STORE: "the artifact store, or standard output, cannot be read or written",
    Exit.BOARD: "the board could not be reached or refused",
    Exit.CLAIM: "a regression: a claim's verdict is worse than before",
    Exit.DIFFERENT: "a comparison differs, or an archive does not match its own checksums",
    Exit.WRONG: "a design computes something else than the trained model",
    Exit.BUG: "a bug in bench; please report it with the log",
    Exit.HANGUP: "the terminal was closed (SIGHUP); nothing half-written is left",
    Exit.INTERRUPTED: "interrupted (Ctrl-C); nothing half-written is left",
    Exit.PIPE: "the reader of standard output is gone, as in `bench store ls | head -1`",
    Exit.TERMINATED: "terminated (SIGTERM); nothing half-written is left",
}


class BenchError(Exception):
    """What happened (a sentence or two), what to do about it, and the log of what failed.

    `excerpt` is what a person should see of it; None stands for the log's last lines.
    """

    exit_code = Exit.STAGE_FAILED

    def __init__(
        self, what: str, remedy: str = "", log: Path | None = None, excerpt: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.log = log
        self.excerpt = excerpt


class ConfigError(BenchError):
    """The experiment file or the command line is wrong."""

    exit_code = Exit.CONFIG


class EnvironmentFailure(BenchError):
    """A tool is missing, or an environment could not be set up."""

    exit_code = Exit.ENVIRONMENT


class DataError(BenchError):
    """A data set is not available, or does not match its checksum."""

    exit_code = Exit.DATA


class StoreError(BenchError):
    """The artifact store cannot be read or written."""

    exit_code = Exit.STORE


class BoardError(BenchError):
    """The board could not be reached, refused, or gave an answer that makes no sense."""

    exit_code = Exit.BOARD


class WrongDesign(BenchError):
    """A design computes something else than the trained model."""

    exit_code = Exit.WRONG


class StageFailure(BenchError):
    """A stage ended badly."""


_DISK_REMEDIES = {
    errno.ENOSPC: "Free some disk space (`bench store gc` removes what no grid names), then rerun.",
    errno.EDQUOT: "Your disk quota is used up; free some space, then rerun.",
    errno.EROFS: "It is on a read-only file system; choose another place with --store or --output.",
    errno.EACCES: "You may not write there; fix its permissions or choose another with --store.",
    errno.EPERM: "You may not write there; fix its permissions or choose another with --store.",
}
# A file is in the place of a folder, or the other way round.
_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENXIO)


def is_of_the_disk(error: OSError) -> bool:
    """Whether `error` is about a disk or about permissions."""
    return error.filename is not None and error.errno in {*_DISK_REMEDIES, errno.EIO}


def store_error(error: OSError, path: Path) -> StoreError:
    """The `StoreError` that explains why `path` could not be read or written."""
    if error.errno in _IN_THE_WAY:
        place = _in_the_way(path)
        wanted = "folder" if error.errno in (errno.ENOTDIR, errno.EEXIST) else "file"
        remedy = f"Delete or rename it; bench keeps a {wanted} of that name there."
        return StoreError(f"{place}: {error.strerror or error}.", remedy)
    remedy = _DISK_REMEDIES.get(error.errno or 0, "Check the disk and the folder's permissions.")
    return StoreError(f"{path}: {error.strerror or error}.", remedy)


def _in_the_way(path: Path) -> Path:
    """The topmost of `path` and its parents that is not a folder; `path` if all are."""
    others = (place for place in reversed((path, *path.parents)) if not place.is_dir())
    first = next(others, path)
    return first if os.path.lexists(first) else path


def did_you_mean(wrong: str, valid: Iterable[str]) -> str:
    """A sentence that names the valid name nearest to `wrong`, and all of them."""
    names = sorted(valid)
    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=0.4)
    if not names:
        return "There are none to choose from."
    hint = f"Did you mean '{by_folded[close[0]]}'? " if close else ""
    return f"{hint}Valid: {', '.join(names)}."


def nearest(wrong: str, valid: Iterable[str], shown: int = 3) -> str:
    """A sentence with the few names nearest to `wrong`, if there are too many to list."""
    names = sorted(valid)
    close = difflib.get_close_matches(wrong.casefold(), names, n=shown, cutoff=0.4)
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    if not names:
        return "There are none to choose from."
    return f"There are {len(names)}, such as {', '.join(names[:shown])}."
