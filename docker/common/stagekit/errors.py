"""The ways in which a stage can end other than well, short of a crash."""

from __future__ import annotations

import errno


class Infeasible(Exception):
    """A finding, not a fault: the design cannot exist as asked (stored as a result)."""


class WrongResult(Exception):
    """A finding, too: what was made computes something else than the trained model.

    To be raised once outputs and metrics are written; they are stored with it.
    """


class StageError(Exception):
    """Something the user can act on.

    Args:
        what: What happened, one sentence.
        remedy: What to do about it, one sentence.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


_REMEDIES = {
    errno.ENOSPC: "Free some disk space, or choose another store, then rerun.",
    errno.EDQUOT: "Your disk quota is used up; free some space, then rerun.",
    errno.EROFS: "Choose a store that can be written, then rerun.",
    errno.EACCES: "Fix its permissions, or choose another store, then rerun.",
    errno.EPERM: "Fix its permissions, or choose another store, then rerun.",
    errno.EIO: "The disk may be failing; choose another store, then rerun.",
}


def of_the_disk(error: BaseException) -> StageError | None:
    """What to say of an error that is the disk's or its permissions'; None for all others.

    Whoever blames a tool for whatever goes wrong in it has to ask first.
    """
    if not isinstance(error, OSError) or error.errno not in _REMEDIES:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return StageError(f"{where}{error.strerror}.", _REMEDIES[error.errno])
