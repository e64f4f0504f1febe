"""Running a compiled simulator; its command line is described by `simulator --help`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.text import counted
from finn_worker.images import channels_last
from stagekit import StageError

STALLED = 3
# What the design itself prints when something is wrong with it.
COMPLAINT = re.compile(r"%(Warning|Error)|Verilog \$(finish|stop)")

Outputs = npt.NDArray[np.int64]


class Running:
    """Processes that run in several threads, so that all can be ended at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[str]] = set()
        self._ended = False

    @contextmanager
    def process(self, command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
        """A process, whose output comes by pipes; killed if others are ended."""
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        ) as started:
            with self._lock:
                self._processes.add(started)
                if self._ended:
                    started.kill()
            try:
                yield started
            finally:
                with self._lock:
                    self._processes.discard(started)

    def end(self) -> None:
        """Kill what runs, and what is started from now on."""
        with self._lock:
            self._ended = True
            for process in self._processes:
                process.kill()


class StalledError(StageError):
    """The accelerator stopped moving.

    Args:
        stream: The last stream that holds data, which its consumer does not take.
        items: How many it holds.
        images: Images finished before.
        tried: Under which conditions, such as "with FIFOs of 2, 9, 2 items".
    """

    def __init__(self, stream: str, items: int, images: int, tried: str) -> None:
        state = (
            f"stream '{stream}' holds {counted(items, 'item that is', 'items that are')} not taken"
            if items
            else "every stream is empty, so a layer has lost what it took"
        )
        super().__init__(
            f"The accelerator stalls after {counted(images, 'image')} {tried}: {state}.",
            "The generated RTL is at fault; report it with the network and the folding.",
        )
        self.stream = stream


@dataclass(frozen=True)
class Run:
    """What a simulation measured.

    Attributes:
        cycles: From the first input beat taken to the last output beat given.
        latency_cycles: The same for the first image alone.
        ii: Cycles per image over the last half of the images; None for a single image.
        peaks: Most items that each FIFO held.
        steady_images: Images finished between the first half and the last input; 0: too few.
        steady_cycles: In which they were finished.
        blocked: Of these, the cycles in which each stream's producer was not taken from; empty
            where they were not counted.
        starved: And those in which each stream's consumer was ready and had nothing to take.
    """

    cycles: int
    latency_cycles: int
    ii: float | None
    peaks: tuple[int, ...]
    steady_images: int
    steady_cycles: int
    blocked: tuple[int, ...]
    starved: tuple[int, ...]


@dataclass(frozen=True)
class Simulator:
    """A built simulator with the memories of one network.

    Attributes:
        executable: From `simulator_build.build`.
        design: The bundle's `design.json`.
        memories: The folder that holds the bundle's `memories/`.
        scratch: For inputs, outputs and FIFO depths; several may run at a time.
        stall_limit: Cycles without any movement that count as a deadlock.
    """

    executable: Path
    design: Mapping[str, Any]
    memories: Path
    scratch: Path
    stall_limit: int

    def run(
        self,
        images: npt.NDArray[Any],
        depths: Sequence[int],
        cycles_per_image: int = 0,
        dma_bytes_per_cycle: int = 0,
        progress: Callable[[int], None] | None = None,
        trace: Path | None = None,
        count_waits: bool = False,
        timing_only: bool = False,
        running: Running | None = None,
    ) -> tuple[Outputs, Run]:
        """Simulate `images`, uint8 or int8, [N, F] or [N, C, H, W].

        Args:
            images: As the network takes them; the accelerator gets their channels last.
            depths: One per stream, in the order of `design["streams"]`.
            cycles_per_image: Offer an image only every so many cycles; 0: as fast as possible.
            dma_bytes_per_cycle: Width of the DMAs that feed the input and empty the output; 0: any.
            progress: Called with the number of images done.
            trace: Where to write waveforms; needs a simulator built for it.
            count_waits: Count who waits for whom; takes a tenth of the time.
            timing_only: Leave sums of products out, which no cycle depends on: a fifth of the time.
            running: What else runs, and is ended together with this.

        Returns:
            The accelerator's integers [N, C], which mean nothing if `timing_only`, and what was
            measured.

        Raises:
            StalledError: A deadlock.
            StageError: The simulator failed.
        """
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="run-") as folder:
            fifos, raw, out = (Path(folder) / name for name in ("fifos.txt", "images", "outputs"))
            fifos.write_text(fifo_lines(self.design, depths), encoding="utf-8")
            channels_last(images).tofile(raw)
            command = [str(self.executable), "--package", str(self.memories)]
            command += ["--fifos", str(fifos), "--input", str(raw), "--output", str(out)]
            command += ["--images", str(len(images))]
            command += ["--cycles-per-image", str(cycles_per_image)]
            command += ["--in-bytes-per-cycle", str(dma_bytes_per_cycle)]
            command += ["--out-bytes-per-cycle", str(dma_bytes_per_cycle)]
            command += ["--stall-limit", str(self.stall_limit)]
            command += ["--count-waits"] if count_waits else []
            command += ["--timing-only"] if timing_only else []
            command += [] if trace is None else ["--trace", str(trace)]
            result = _call(command, progress, running or Running())
            if "stalled" in result:
                where = (result["stalled"], result["items"], result["images"])
                tried = conditions(depths, cycles_per_image, dma_bytes_per_cycle)
                raise StalledError(*where, tried)
            elements = int(self.design["output"]["elements"])
            outputs = np.fromfile(out, dtype="<i8").reshape(len(images), elements)
        return outputs, _measured(result)


def _measured(result: Mapping[str, Any]) -> Run:
    """What the simulator says of a run that has ended."""
    return Run(
        cycles=int(result["cycles"]),
        latency_cycles=int(result["latency_cycles"]),
        ii=None if result["ii"] is None else float(result["ii"]),
        peaks=tuple(result["peaks"]),
        steady_images=int(result["steady_images"]),
        steady_cycles=int(result["steady_cycles"]),
        blocked=tuple(result["blocked"]),
        starved=tuple(result["starved"]),
    )


def fifo_lines(design: Mapping[str, Any], depths: Sequence[int]) -> str:
    """The file of FIFO depths that the simulator reads."""
    pairs = zip(design["streams"], depths, strict=True)
    return "".join(f"{stream['name']} {depth}\n" for stream, depth in pairs)


def conditions(depths: Sequence[int], cycles_per_image: int, dma_bytes_per_cycle: int) -> str:
    """What was simulated, as part of a sentence."""
    text = f"with FIFOs of {', '.join(map(str, depths))} items"
    if cycles_per_image:
        text += f", an image every {cycles_per_image} cycles"
    if dma_bytes_per_cycle:
        text += f", behind DMAs of {dma_bytes_per_cycle} bytes per cycle"
    return text


def _call(
    command: Sequence[str], progress: Callable[[int], None] | None, running: Running
) -> dict[str, Any]:
    """The simulator's JSON line; its progress is passed on as it comes.

    Raises:
        StageError: It failed, or the design complained: a memory without contents, or parameters
            that a module of FINN's refuses when it starts.
    """
    if progress is not None:
        command = [*command, "--progress"]
    with running.process(command) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        messages = []
        for line in process.stderr:
            if progress is not None and line.strip().isdecimal():
                progress(int(line))
            else:
                messages.append(line)
        # Verilog writes to standard output, before the line of JSON.
        *complaints, printed = process.stdout.read().splitlines() or [""]
    messages += [f"{line}\n" for line in complaints]
    print(*messages, sep="", end="", file=sys.stderr)
    if process.returncode not in (0, STALLED) or any(COMPLAINT.search(line) for line in complaints):
        messages += [] if process.returncode == 0 else [printed]
        reason = "".join(messages).strip() or f"it ended with status {process.returncode}"
        raise StageError(
            f"The simulation failed: {reason}",
            "Run the stage again; if it fails again, report it with this message.",
        )
    result: dict[str, Any] = json.loads(printed)
    return result
