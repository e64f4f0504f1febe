"""The `dataset` stage of a user's own file: the same bytes that the grid was checked with."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from bench.datasets import own
from bench.datasets.fetching.arrays import check, save, save_metrics
from bench.datasets.model import Reporter
from bench.errors import DataError
from bench.input.given import GivenFile, copy
from contract.fields import parse
from contract.stages.dataset import DatasetSpec
from contract.wire import Request


class Context(Protocol):
    """Knows where files of the user's are."""

    @property
    def files(self) -> Mapping[str, Path]:
        """Their paths by SHA-256."""


def take(request: Request, reporter: Reporter, context: Context) -> None:
    """Write the arrays of the user's file that `request.spec` names by its content.

    Raises:
        DataError: The file has changed since its grid was read, is gone, or is damaged.
        Cancelled: The run was interrupted.
        OSError: The arrays cannot be written.
    """
    spec = parse(DatasetSpec, request.spec)
    ((name, sha256),) = spec.checksums
    path = context.files.get(sha256)
    if path is None:
        raise DataError(
            f"The file {name} of the data set {spec.name} is not known here.",
            "Rerun with the grid that names it.",
        )
    with tempfile.TemporaryDirectory(dir=request.scratch) as folder:
        kept = Path(folder) / "data.npz"
        with reporter.timed("fetch"):
            size = path.stat().st_size if path.is_file() else 0
            copy(GivenFile(path, size, sha256), kept, reporter.check_cancelled)
        reporter.log(f"{path}: SHA-256 {sha256}")
        with reporter.timed("read"):
            for half, images in own.read(str(path), kept, spec):
                reporter.check_cancelled()
                check(spec, half, images)
                save(half, images, request.outputs)
    save_metrics(spec, request.outputs)
    reporter.tools["source"] = "a file of the user's"
