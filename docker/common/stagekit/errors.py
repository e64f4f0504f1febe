"""How a stage can end, besides success and a crash."""

from __future__ import annotations

import errno


class Infeasible(Exception):
    """A result, not a fault: the design cannot be built as specified."""


class WrongResult(Exception):
    """A result, too: the design computes something else than the trained model.

    Raise it after outputs and metrics are written, which are stored with it.
    """


class StageError(Exception):
    """Something the user can act on: what happened, and what to do about it, a sentence each.

    `excerpt` is what else a person should see, such as the lines of their own file that led to it.
    """

    def __init__(self, what: str, remedy: str = "", excerpt: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.excerpt = excerpt


_REMEDIES = {
    errno.ENOSPC: "Free some disk space, or choose another store, then rerun.",
    errno.EDQUOT: "Your disk quota is used up; free some space, then rerun.",
    errno.EROFS: "Choose a store that can be written, then rerun.",
    errno.EACCES: "Fix its permissions, or choose another store, then rerun.",
    errno.EPERM: "Fix its permissions, or choose another store, then rerun.",
    errno.EIO: "The disk may be failing; choose another store, then rerun.",
}


def of_the_disk(error: BaseException) -> StageError | None:
    """The error for a fault of the disk or its permissions; None for all other errors.

    Call it before you blame a tool for an exception in it.
    """
    if not isinstance(error, OSError) or error.errno not in _REMEDIES:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return StageError(f"{where}{error.strerror}.", _REMEDIES[error.errno])
