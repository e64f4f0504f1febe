"""The stage `measure`: push the accelerator to a board, run and time it, check its outputs."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, PositiveInt, ValidationError

from bench.boards import MEASURED_ON
from bench.boards.base import Address, Identity
from bench.boards.emulated import emulated_board
from bench.boards.link import read_document
from bench.boards.login import address_of
from bench.boards.readout import Comparison, Postprocess, TestSet, compare, load_outputs
from bench.boards.ssh import BOARD_FILES, Board, open_board
from bench.console.text import counted
from bench.errors import BoardError, ConfigError
from bench.runners import Runner
from bench.runners.host import HostContext, HostReporter, WrongResult
from bench.runners.wire import Request
from bench.system.locks import Cancelled
from contract import outcome
from contract.finn.measure import EMULATED

_STEPS = ("push", "run", "fetch")
# Names in the folder on the board.
_PACKAGE, _IMAGES, _OUTPUTS = "package", "images.u8", "outputs.i64"
_FEWEST_IMAGES = 2
# The slowest simulator seen does some 60,000 cycles a second, on an idle machine.
_SLOWEST_CYCLES_PER_S = 2_000
_FIXED_LIMIT_S = 60.0
# A real board loads the bitstream, and repeats what takes it milliseconds.
_BITSTREAM_LIMIT_S = 300.0
_POLL_S = 0.1
# Readings that are metrics under the same name.
_METRICS = (
    "images", "latency_us", "latency_cycles", "cycles", "clock_mhz", "measured_on", "input_bytes",
    "output_bytes", "dma_bytes_per_cycle",
)  # fmt: skip

Answer = TypeVar("Answer")

# Runs an emulated board for a stage while the block lasts, and yields its address.
Emulator = Callable[[Identity, Request, HostReporter], AbstractAsyncContextManager[Address]]


class Port(BaseModel):
    """The accelerator's input or output in `package.json`."""

    datatype: str
    file_dtype: str = "uint8"
    elements: int
    beats: int
    bytes_per_beat: int


class Package(BaseModel):
    """The part of `package.json` that the stage needs; the board's program checks the rest."""

    board: str
    part: str
    clock_mhz: float
    dma_bytes_per_cycle: PositiveInt
    input: Port
    output: Port

    @property
    def dma_cycles(self) -> int:
        """Cycles that the slower of the two DMAs takes for an image."""
        largest = max(port.beats * port.bytes_per_beat for port in (self.input, self.output))
        return math.ceil(largest / self.dma_bytes_per_cycle)


class Readings(Identity):
    """What the board's program measured; see docker/board/bench_board.py.

    Only a simulated accelerator has `cycles` and `latency_cycles`, only a real board `details`.
    """

    clock_mhz: float
    images: int
    cycles: int | None = None
    latency_cycles: int | None = None
    latency_us: float
    interval_cycles: float
    images_per_second: float
    input_bytes: int
    output_bytes: int
    dma_bytes_per_cycle: int
    wall_seconds: float
    details: dict[str, Any] | None = None


@dataclass(frozen=True)
class Work:
    """A measurement, read and checked before a board is connected."""

    request: Request
    package: Package
    files: dict[str, Path]
    test_set: TestSet
    limit_s: float


def emulated_in_process(
    identity: Identity, request: Request, _: HostReporter
) -> AbstractAsyncContextManager[Address]:
    """An emulated board whose SSH server is in this process."""
    return emulated_board(identity.board, identity.part, request.scratch)


def measure(request: Request, reporter: HostReporter, context: HostContext) -> None:
    """Run the host stage `measure`.

    A board is emulated in a container beside stages in containers, else in this process.

    Raises:
        BoardError: The board cannot be reached or refuses, or a real board computes wrong outputs.
        WrongResult: The accelerator computes something else behind its DMA.
        ConfigError: The board or the number of images does not exist.
        Cancelled: The run was interrupted.
    """
    reporter.tools["asyncssh"] = metadata.version("asyncssh")
    work = _prepare(request)
    names = list(request.spec["boards"])
    with ExitStack() as stack:
        place: Address | Emulator = _emulator(context.workers)
        if names != [EMULATED]:
            remote = stack.enter_context(context.pool.take(names, reporter.check_cancelled))
            place = address_of(remote)
            reporter.log(f"measuring on board '{remote.name}'")
        readings = asyncio.run(_until_cancelled(reporter, _use_board(work, place, reporter)))
        metrics, compared = _score(work, readings)
        if isinstance(place, Address):
            metrics["board_name"] = remote.name
    reporter.timings["simulator"] = readings.wall_seconds
    text = json.dumps(metrics, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (request.outputs / "metrics.json").write_text(text, encoding="utf-8")
    if compared.fault and readings.measured_on != MEASURED_ON:
        # Not a result: hardware may fail once, and the next run measures again.
        raise BoardError(
            f"On the board: {compared.fault}",
            "Its timing is worthless. Measure again; if this recurs, measure with "
            f"--board {EMULATED}: if that is right, look at the timing slack and the clock.",
        )
    if compared.fault:
        raise WrongResult(compared.fault)


def _emulator(workers: Runner) -> Emulator:
    if workers.name != "docker":
        return emulated_in_process
    from bench.boards.contained import emulated_in_container  # noqa: PLC0415
    from bench.runners.docker import DockerRunner  # noqa: PLC0415  # needs the engine's library

    assert isinstance(workers, DockerRunner)
    return partial(emulated_in_container, workers)


def _prepare(request: Request) -> Work:
    """Read the inputs and list the files to push."""
    images = request.spec["images"]
    simulate = request.inputs["simulate"]
    # A real board gets a bitstream where the emulated one gets the simulator.
    bitstream = request.inputs.get("synthesize")
    folder = (bitstream or simulate) / "package"
    test_set = TestSet.load(request.inputs["export"] / "test_set.npz", images)
    if images < _FEWEST_IMAGES:
        raise ConfigError(
            f"measure.images = {images}, which has no interval between images.",
            f"Set at least {_FEWEST_IMAGES} images.",
        )
    if images > len(test_set.images):
        raise ConfigError(
            f"measure.images = {images}, but the test set has "
            f"{counted(len(test_set.images), 'image')}.",
            f"Set at most {len(test_set.images)}.",
        )
    package = _load_package(folder / "package.json", test_set)
    inputs = request.scratch / _IMAGES
    test_set.images.tofile(inputs)
    files = {
        str(Path(_PACKAGE) / path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    files |= {path.name: path for path in BOARD_FILES} | {_IMAGES: inputs}
    interval = json.loads((simulate / "metrics.json").read_text())["ii_simulated"]
    cycles = images * max(interval, package.dma_cycles)
    limit_s = _FIXED_LIMIT_S + (_BITSTREAM_LIMIT_S if bitstream else cycles / _SLOWEST_CYCLES_PER_S)
    return Work(request, package, files, test_set, limit_s)


def _load_package(path: Path, test_set: TestSet) -> Package:
    try:
        package = Package.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        raise BoardError(
            f"The accelerator package is not usable: {path.name}: {error}",
            "Remove the artifact of `simulate`, then rerun.",
        ) from error
    images = test_set.images
    if (package.input.file_dtype, package.input.elements) != (images.dtype.name, images[0].size):
        raise BoardError(
            f"The accelerator takes {package.input.elements} elements of {package.input.datatype} "
            f"as {package.input.file_dtype}, the test images have {images[0].size} of "
            f"{images.dtype}.",
            "Remove the artifact of `simulate`, then rerun.",
        )
    return package


async def _until_cancelled(reporter: HostReporter, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do the work; after an interrupt stop it, wait for its clean-up, raise `Cancelled`."""
    task = asyncio.create_task(work)
    while not task.done():
        try:
            reporter.check_cancelled()
        except Cancelled:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        await asyncio.wait({task}, timeout=_POLL_S)
    return task.result()


async def _use_board(work: Work, place: Address | Emulator, reporter: HostReporter) -> Readings:
    """Push, run and fetch; leaves the outputs in the scratch folder."""
    package = work.package
    async with AsyncExitStack() as stack:
        if not isinstance(place, Address):
            identity = Identity(board=package.board, part=package.part, measured_on=MEASURED_ON)
            with reporter.timed("emulate"):
                place = await stack.enter_async_context(place(identity, work.request, reporter))
        with reporter.timed("connect"):
            opened = open_board(place, reporter.log, on_wait=reporter.note)
            board = await stack.enter_async_context(opened)
            reporter.log(f"the board says it is {await board.probe()!r}")
        reporter.progress(0, len(_STEPS), "step", "push")
        with reporter.timed("push"):
            await board.push(work.files)
        reporter.progress(1, len(_STEPS), "step", "run")
        with reporter.timed("run"):
            readings = await _run(board, work, reporter)
        reporter.progress(2, len(_STEPS), "step", "fetch")
        with reporter.timed("fetch"):
            await board.fetch(_OUTPUTS, work.request.scratch / _OUTPUTS)
        return readings


async def _run(board: Board, work: Work, reporter: HostReporter) -> Readings:
    images = len(work.test_set.images)

    def on_line(line: str) -> None:
        if line.isascii() and line.isdigit():
            reporter.progress(min(int(line), images), images, "image", "run")
        else:
            reporter.log(line)

    command = ["python3", "bench_board.py", "--stop-on-eof", "--package", _PACKAGE]
    command += ["--images", _IMAGES, "--output", _OUTPUTS]
    done = await board.run(command, work.limit_s, on_line)
    readings = read_document(Readings, done, "the board")
    asked = (work.package.board, work.package.part, images)
    if (readings.board, readings.part, readings.images) != asked:
        raise BoardError(
            f"The board measured {readings.images} images as {readings.board} ({readings.part}), "
            f"but {asked[2]} images on {asked[0]} ({asked[1]}) were asked for.",
            "Its program and bench are of different versions; rerun from one checkout.",
        )
    return readings


def _score(work: Work, readings: Readings) -> tuple[dict[str, Any], Comparison]:
    """The stage's metrics; cycles are modelled, so the same artifacts give the same numbers."""
    simulate, test_set = work.request.inputs["simulate"], work.test_set
    outputs = load_outputs(
        work.request.scratch / _OUTPUTS, len(test_set.images), work.package.output.elements
    )
    kind, theirs = outcome.kind_of(test_set.predictions), test_set.predictions
    host = Postprocess.load(simulate / "package" / "postprocess.npz")
    predictions = host.predicted(outputs, kind)
    with np.load(simulate / "predictions.npz") as data:
        compared = compare(outputs, data["outputs"], predictions, test_set)
    details = {} if readings.details is None else {"board": readings.details}
    metrics = (
        details
        | {name: getattr(readings, name) for name in _METRICS}
        | {
            "accuracy": outcome.accuracy(predictions, test_set.labels),
            "agreeing_with_torch": int(np.sum(~outcome.differing(predictions, theirs))),
            "outputs_compared": compared.compared,
            "outputs_match": not compared.fault,
            "fps_measured": readings.images_per_second,
            "ii_measured": readings.interval_cycles,
        }
    )
    return metrics, compared
