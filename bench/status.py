"""What became of a task or of a row, by one set of words.

A task's status is one of these words; a row's is `done`, or a word and the stage that stopped it,
such as `infeasible: compile`.
"""

from __future__ import annotations

DONE = "done"
# A finding: the design computes something else than the trained model. No number of it is used.
WRONG = "wrong"
# A finding: the design cannot exist as asked.
INFEASIBLE = "infeasible"
FAILED = "failed"
SKIPPED = "skipped"
MISSING = "missing"

KINDS = (DONE, WRONG, INFEASIBLE, FAILED, SKIPPED, MISSING)
NOT_DONE = (INFEASIBLE, FAILED, SKIPPED, MISSING)
FINDINGS = (DONE, WRONG, INFEASIBLE)
"""Those that the store keeps as results."""


def kind_of(status: object) -> str:
    """The word of a row's status; `missing` for one that is not known."""
    kind = str(status).split(":", maxsplit=1)[0]
    return kind if kind in KINDS else MISSING


def is_wrong(status: object) -> bool:
    """Whether a row, or a task, is wrong."""
    return kind_of(status) == WRONG
