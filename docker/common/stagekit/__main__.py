"""Run one stage: `python -m stagekit request.json`."""

from __future__ import annotations

import sys

from stagekit.worker import run

if __name__ == "__main__":
    sys.exit(run(sys.argv))
