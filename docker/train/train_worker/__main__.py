"""Run one stage: `python -m train_worker request.json`."""

from __future__ import annotations

import sys

from stagekit import run
from train_worker.export import export
from train_worker.training import train

STAGES = {"train": train, "export": export}
TOOLS = ("torch", "brevitas", "qonnx", "onnx", "onnxruntime", "numpy", "pillow")

if __name__ == "__main__":
    sys.exit(run(STAGES, TOOLS, sys.argv))
