"""The ways in which a stage can end other than well, short of a crash."""


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
