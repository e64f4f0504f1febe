"""The worker's side of the wire: one request in, events out, one result back.

The contract is in docs/reference/wire.md:

* `python -m stagekit request.json` runs one stage.
* Standard output carries events, one JSON object a line; everything else goes to standard error,
  which is the log.
* `result.json`, written whole or not at all, says how the stage ended.
"""

from stagekit.errors import Infeasible, StageError, WrongResult, of_the_disk
from stagekit.request import Request
from stagekit.worker import Reporter, Stage, run

__all__ = [
    "Infeasible", "Reporter", "Request", "Stage", "StageError", "WrongResult", "of_the_disk", "run",
]  # fmt: skip
