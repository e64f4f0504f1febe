"""Makes the worker, and what all workers share, importable from a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

FINN_FOLDER = Path(__file__).resolve().parents[1]
COMMON_FOLDER = FINN_FOLDER.parent / "common"
sys.path[:0] = [str(COMMON_FOLDER), str(FINN_FOLDER)]

# Workers started by a test inherit it.
os.environ["PYTHONPATH"] = os.pathsep.join([str(COMMON_FOLDER), str(FINN_FOLDER)])

from finn_worker import toolchain  # noqa: E402

toolchain.import_layers()
