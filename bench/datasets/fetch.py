"""The `dataset` stage: have the files of a data set from the first source that delivers them."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.datasets import folder
from bench.datasets.catalog import DATASETS
from bench.datasets.idx import read_labels, read_shape
from bench.datasets.model import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    Dataset,
    SourceFailed,
)
from bench.datasets.unpack import Damaged, unpack
from bench.errors import ConfigError, DataError, did_you_mean
from bench.runners.host import HostContext, HostReporter
from bench.runners.wire import Request


def fetch(
    request: Request,
    reporter: HostReporter,
    context: HostContext | None = None,  # noqa: ARG001  # every stage of the host is given one
    catalog: Mapping[str, Dataset] = DATASETS,
) -> None:
    """Write the decompressed IDX files of a data set and `metrics.json`.

    A folder named by the environment variable BENCH_DATA is the only source when it is set;
    otherwise the catalog's sources are tried in order.

    Args:
        request: Its spec names the data set.
        context: Not used.
        reporter: `reporter.tools["source"]` says afterwards which source delivered.
        catalog: The data sets there are.

    Raises:
        ConfigError: There is no data set of that name.
        DataError: No source delivered the right files, or the user's folder holds wrong ones.
        Cancelled: The run was interrupted.
        OSError: The files cannot be written.
    """
    name = request.spec["dataset"]
    if name not in catalog:
        raise ConfigError(f"There is no data set '{name}'.", did_you_mean(name, catalog))
    user_folder = os.environ.get(folder.VARIABLE)
    with reporter.timed("fetch"):
        if user_folder:
            root = Path(user_folder).expanduser()
            _from_user(name, catalog, root, request.outputs, reporter)
            reporter.tools["source"] = f"folder named by {folder.VARIABLE}"
        else:
            source = _from_first_source(name, catalog[name], request, reporter)
            reporter.tools["source"] = source
    _write_metrics(request.outputs)


def _from_user(
    name: str, catalog: Mapping[str, Dataset], root: Path, outputs: Path, reporter: HostReporter
) -> None:
    files = catalog[name].files
    owners = {file.sha256: owner for owner, data in catalog.items() for file in data.files}
    paths = folder.find(name, catalog[name], root)
    for done, (file, path) in enumerate(zip(files, paths, strict=True), start=1):
        reporter.log(f"{file.name} from {path}")
        try:
            unpack(path, file, outputs / file.name, reporter)
        except Damaged as error:
            whose = owners.get(error.found, "")
            raise folder.wrong_content(path, file, str(error), error.found, whose) from error
        reporter.progress(done, len(files), "file", str(path))


def _from_first_source(
    name: str, dataset: Dataset, request: Request, reporter: HostReporter
) -> str:
    """Take the files from the first source that has them all; returns its name."""
    failures: list[str] = []
    for source in dataset.sources:
        reporter.log(f"trying {source.name}")
        with tempfile.TemporaryDirectory(dir=request.scratch) as scratch:
            try:
                paths = source.deliver(dataset.files, Path(scratch), reporter)
                _accept(paths, dataset, request.outputs, reporter)
                return source.name
            except (SourceFailed, Damaged) as error:
                failures.append(f"{source.name}: {error}")
                reporter.note(f"No {name} from {source.name}: {error}.")
    raise _no_source(name, dataset, failures)


def _accept(paths: Iterable[Path], dataset: Dataset, outputs: Path, reporter: HostReporter) -> None:
    """Unpack and check each file as it arrives; a wrong one ends it before the next is fetched."""
    total = len(dataset.files)
    for done, (file, path) in enumerate(zip(dataset.files, paths, strict=True), start=1):
        try:
            unpack(path, file, outputs / file.name, reporter)
        except Damaged:
            (outputs / file.name).unlink()
            raise
        path.unlink()
        reporter.progress(done, total, "file", file.published)


def _no_source(name: str, dataset: Dataset, failures: list[str]) -> DataError:
    reasons = "\n".join(f"  {failure}" for failure in failures)
    files = ", ".join(f"{file.published}.gz" for file in dataset.files)
    return DataError(
        f"{name} could not be had from any source:\n{reasons}",
        f"Fetch its four files on another machine from one of the places above ({files}), put "
        f"them in a folder here and rerun with {folder.VARIABLE}=that folder.",
    )


def _write_metrics(outputs: Path) -> None:
    """Write what the files say about themselves to `metrics.json`."""
    train_images, height, width = read_shape(outputs / TRAIN_IMAGES, dimensions=3)
    test_images, *test_size = read_shape(outputs / TEST_IMAGES, dimensions=3)
    train_labels = read_labels(outputs / TRAIN_LABELS)
    test_labels = read_labels(outputs / TEST_LABELS)
    counts = (len(train_labels), len(test_labels))
    if counts != (train_images, test_images) or test_size != [height, width]:
        raise DataError(
            "The images and labels of the data set do not belong together.",
            "Correct its entry in the catalog of data sets.",
        )
    metrics = {
        "classes": max(train_labels) + 1,
        "height": height,
        "width": width,
        "train_images": train_images,
        "test_images": test_images,
    }
    text = json.dumps(metrics, indent=1, sort_keys=True, allow_nan=False)
    (outputs / "metrics.json").write_text(text + "\n", encoding="utf-8")
