"""The `dataset` stage: fetch a data set from the first source that has it, write arrays."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bench.datasets import DATASETS
from bench.datasets.fetching import folder
from bench.datasets.fetching.arrays import check, save, save_metrics
from bench.datasets.fetching.given import Context, take
from bench.datasets.fetching.unpack import Damaged, unpack
from bench.datasets.model import Dataset, Reporter, SourceFailed
from bench.errors import ConfigError, DataError, did_you_mean
from contract.wire import Request

# What tools say of a disk that is full.
_FULL = ("ENOSPC", os.strerror(errno.ENOSPC))


def fetch(
    request: Request,
    reporter: Reporter,
    context: Context,
    datasets: Mapping[str, Dataset] = DATASETS,
) -> None:
    """Write `train.npz` and `test.npz`, each with `images` and `labels`, and `metrics.json`.

    What is in a file of the user's is taken from there; all else is fetched.

    A folder named by the environment variable BENCH_DATA is the only source if it is set; otherwise
    the data set's sources are tried in order. `reporter.tools["source"]` names the source.

    Raises:
        ConfigError: No data set has that name and declaration.
        DataError: No source has the right files, the user's folder has wrong files, or their
            content is not what the data set declares.
        Cancelled: The run was interrupted.
        OSError: The files cannot be written.
    """
    if request.spec["given"]:
        take(request, reporter, context)
        return
    name = request.spec["name"]
    if name not in datasets:
        raise ConfigError(f"There is no data set '{name}'.", did_you_mean(name, datasets))
    dataset = datasets[name]
    if json.dumps(asdict(dataset.spec)) != json.dumps(request.spec):
        raise ConfigError(
            f"The data set '{name}' is declared in another way here.",
            "Give all machines the same files of extensions.",
        )
    user_folder = os.environ.get(folder.VARIABLE)
    with tempfile.TemporaryDirectory(dir=request.scratch) as files:
        with reporter.timed("fetch"):
            if user_folder:
                root = Path(user_folder).expanduser()
                _from_user(dataset, datasets, root, Path(files), reporter)
                reporter.tools["source"] = f"folder named by {folder.VARIABLE}"
            else:
                reporter.tools["source"] = _from_first_source(
                    dataset, Path(files), request.scratch, reporter
                )
        with reporter.timed("read"):
            train, test = dataset.read(Path(files), dataset.files)
    halves = {"train": train, "test": test}
    for half, images in halves.items():
        check(dataset.spec, half, images)
    for half, images in halves.items():
        reporter.check_cancelled()
        save(half, images, request.outputs)
    save_metrics(dataset.spec, request.outputs)


def _from_user(
    dataset: Dataset, datasets: Mapping[str, Dataset], root: Path, target: Path, reporter: Reporter
) -> None:
    owners = {
        file.checksum: other.files_of or other.name
        for other in datasets.values()
        for file in other.files
    }
    paths = folder.find(dataset, root)
    for done, (file, path) in enumerate(zip(dataset.files, paths, strict=True), start=1):
        reporter.log(f"{file.name} from {path}")
        try:
            unpack(path, file, target / file.name, reporter)
        except Damaged as error:
            whose = owners.get(error.checksum or "")
            raise folder.wrong_content(path, file, str(error), error.checksum, whose) from error
        reporter.progress(done, len(dataset.files), "file", str(path))


def _from_first_source(dataset: Dataset, target: Path, scratch: Path, reporter: Reporter) -> str:
    """Take the files from the first source that has them all; returns its name."""
    failures: list[str] = []
    needed = sum(file.size for file in dataset.files)
    for source in dataset.sources:
        if shutil.disk_usage(scratch).free < needed:
            raise _full(scratch)
        reporter.log(f"trying {source.name}")
        with tempfile.TemporaryDirectory(dir=scratch) as own:
            try:
                paths = source.deliver(dataset.files, Path(own), reporter)
                # A wrong file ends this before the next is fetched.
                for done, (file, path) in enumerate(zip(dataset.files, paths, strict=True), 1):
                    unpack(path, file, target / file.name, reporter)
                    path.unlink()
                    reporter.progress(done, len(dataset.files), "file", file.name)
                return source.name
            except (SourceFailed, Damaged) as error:
                if any(said in str(error) for said in _FULL):
                    raise _full(scratch) from error
                failures.append(f"{source.name}: {error}")
                reporter.note(f"No {dataset.name} from {source.name}: {error}.")
    reasons = "\n".join(f"  {failure}" for failure in failures)
    files = ", ".join(file.name for file in dataset.files)
    raise DataError(
        f"{dataset.name} is not available from any source:\n{reasons}",
        f"Fetch its files on another machine from one of the places above ({files}; compressed "
        f"with gzip or not), put them in a folder here and rerun with {folder.VARIABLE}=that "
        "folder.",
    )


def _full(folder: Path) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
