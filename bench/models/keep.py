"""The `model` stage: the user's ONNX file, put into the store as it is."""

from __future__ import annotations

import json
from pathlib import Path

from bench.errors import DataError
from bench.input.given import GivenFile, copy
from bench.runners.host import HostContext, HostReporter
from contract.stages.model import FILE
from contract.wire import Request


def keep(request: Request, reporter: HostReporter, context: HostContext) -> None:
    """Write `model.onnx`, which only a worker reads, and `metrics.json` with its size and hash.

    Raises:
        DataError: The file has changed since its experiment file was read, or is gone.
        Cancelled: The run was interrupted.
        OSError: The file cannot be written.
    """
    sha256, size = str(request.spec["file_sha256"]), int(request.spec["file_bytes"])
    path = context.files.get(sha256)
    if path is None:
        raise DataError(
            "The model's file is not known here.", "Rerun with the experiment file that names it."
        )
    with reporter.timed("copy"):
        copy(GivenFile(Path(path), size, sha256), request.outputs / FILE, reporter.check_cancelled)
    reporter.log(f"{path}: {size:,} bytes, SHA-256 {sha256}")
    text = json.dumps({"bytes": size, "sha256": sha256}, indent=1, sort_keys=True)
    (request.outputs / "metrics.json").write_text(text + "\n", encoding="utf-8")
