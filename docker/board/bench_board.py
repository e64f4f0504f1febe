"""What runs on the board: load an accelerator package, pass a batch of images through it, time it.

Standard library only, Python 3.10 or newer, so that a board needs nothing but its own `python3`.
Exactly one JSON document goes to standard output; progress goes to standard error, as the number
of images done, one a line. A failure is a document with `error` and `remedy`, and exit status 1.

On the emulated board the package's cycle-accurate simulator stands for the FPGA, and throughput is
what the simulated cycles and the clock make of it: no wall-clock time enters.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IDENTITY_FILE = Path.home() / ".bench-board.json"
# The 64-bit port between the DMA and the memory controller moves as much in each cycle.
DMA_BYTES_PER_CYCLE = 8
# An interval is the time between two.
FEWEST_IMAGES = 2


class Refused(Exception):
    """Something that the user can act on: what happened, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True)
class Port:
    """The accelerator's input or output: `image_bytes` pass through the DMA for each image."""

    elements: int
    image_bytes: int


@dataclass(frozen=True)
class Package:
    """An accelerator package: what its `package.json` says, and the simulator beside it."""

    folder: Path
    board: str
    part: str
    clock_mhz: float
    input: Port
    output: Port

    @property
    def simulator(self) -> Path:
        """The program that stands for the FPGA."""
        return self.folder / "simulator"


def main() -> int:
    """Do what the command line asks for; returns the exit status."""
    options = _parse_options()
    try:
        document = _probe() if options.probe else _measure(options)
    except Refused as refused:
        document = {"error": refused.what, "remedy": refused.remedy}
    except OSError as error:
        document = {"error": str(error), "remedy": "Check the board's disk and its permissions."}
    print(json.dumps(document, sort_keys=True, allow_nan=False))
    return 1 if "error" in document else 0


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run an accelerator package on this board.")
    parser.add_argument("--probe", action="store_true", help="only say which board this is")
    parser.add_argument("--package", type=Path, metavar="DIR", help="the accelerator package")
    parser.add_argument("--images", type=Path, metavar="FILE", help="one byte per input element")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="written: the accelerator's integers, int64 little-endian",
    )
    parser.add_argument(
        "--leash",
        action="store_true",
        help="stop as soon as standard input is closed, as when the connection is lost",
    )
    options = parser.parse_args()
    if not options.probe and not (options.package and options.images and options.output):
        parser.error("--package, --images and --output are needed, or --probe")
    return options


def _probe() -> dict[str, Any]:
    return {
        **_identity(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "free_bytes": shutil.disk_usage(Path.home()).free,
    }


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    identity = _identity()
    package = _load_package(options.package, identity)
    images = _count_images(options.images, package)
    started = time.monotonic()
    results = _simulate(package, images, options)
    seconds = time.monotonic() - started
    interval = results["ii"]
    return {
        **identity,
        "clock_mhz": package.clock_mhz,
        "images": images,
        "cycles": results["cycles"],
        "latency_cycles": results["latency_cycles"],
        "latency_us": results["latency_cycles"] / package.clock_mhz,
        "interval_cycles": float(interval),
        "images_per_second": package.clock_mhz * 1e6 / interval,
        "input_bytes": package.input.image_bytes,
        "output_bytes": package.output.image_bytes,
        "dma_bytes_per_cycle": DMA_BYTES_PER_CYCLE,
        "wall_seconds": seconds,
    }


def _identity() -> dict[str, str]:
    """Which board this is: its name, its part, and what its numbers are to be called."""
    try:
        identity = json.loads(IDENTITY_FILE.read_text(encoding="utf-8"))
        return {name: str(identity[name]) for name in ("board", "part", "measured_on")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            "This machine does not say which board it is.",
            f"{IDENTITY_FILE} has to name board, part and measured_on ({error}).",
        ) from error


def _load_package(folder: Path, identity: dict[str, str]) -> Package:
    try:
        data = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        package = Package(
            folder=folder,
            board=str(data["board"]),
            part=str(data["part"]),
            clock_mhz=float(data["clock_mhz"]),
            input=_port(data["input"]),
            output=_port(data["output"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{folder} is not an accelerator package: {error!r}.",
            "Build it anew with the versions of bench and of the board program that go together.",
        ) from error
    if (package.board, package.part) != (identity["board"], identity["part"]):
        raise Refused(
            f"The package is for {package.board} ({package.part}), this board is "
            f"{identity['board']} ({identity['part']}).",
            "Name the board that you have in the experiment file, and build for it.",
        )
    if not math.isfinite(package.clock_mhz) or package.clock_mhz <= 0:
        raise Refused(f"The clock of {package.clock_mhz} MHz cannot be set.", "Build it anew.")
    return package


def _port(data: dict[str, Any]) -> Port:
    return Port(int(data["elements"]), int(data["beats"]) * int(data["bytes_per_beat"]))


def _count_images(path: Path, package: Package) -> int:
    size = path.stat().st_size
    images, rest = divmod(size, package.input.elements)
    if rest or images < FEWEST_IMAGES:
        raise Refused(
            f"{path} holds {size} bytes: not a whole number of images of "
            f"{package.input.elements} bytes, or fewer than {FEWEST_IMAGES}.",
            f"Ask for at least {FEWEST_IMAGES} whole images.",
        )
    return images


def _simulate(package: Package, images: int, options: argparse.Namespace) -> dict[str, Any]:
    """Pass the images through the simulated accelerator, fed by the simulated DMA."""
    package.simulator.chmod(0o700)
    command = [str(package.simulator.resolve()), "--package", str(package.folder), "--progress"]
    command += ["--input", str(options.images), "--output", str(options.output)]
    command += ["--images", str(images)]
    command += ["--in-bytes-per-cycle", str(DMA_BYTES_PER_CYCLE)]
    command += ["--out-bytes-per-cycle", str(DMA_BYTES_PER_CYCLE)]
    simulator = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        if options.leash:
            threading.Thread(target=_stop_with_connection, args=(simulator,), daemon=True).start()
        printed, _ = simulator.communicate()
    finally:
        simulator.kill()
    if simulator.returncode != 0:
        raise Refused(
            f"The simulated accelerator ended with status {simulator.returncode}: "
            f"{printed.strip() or 'see the log'}",
            "Run the stage `simulate` again; if that passes, report this.",
        )
    size, wanted = options.output.stat().st_size, images * package.output.elements * 8
    if size != wanted:
        raise Refused(
            f"The simulated accelerator wrote {size} bytes instead of {wanted}.",
            "Check that the board's disk is not full.",
        )
    return _parse_results(printed)


def _parse_results(printed: str) -> dict[str, Any]:
    try:
        results = json.loads(printed)
        if not results["ii"] > 0:
            raise ValueError("the interval is not positive")
        return {name: results[name] for name in ("ii", "cycles", "latency_cycles")}
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"The simulated accelerator printed no results ({error!r}): {printed[:200]!r}",
            "Run the stage `simulate` again, so that it is built anew.",
        ) from error


def _stop_with_connection(simulator: subprocess.Popen[str]) -> None:
    """Wait for the end of standard input, then end everything: nobody waits for the results."""
    while os.read(0, 1 << 12):
        pass
    simulator.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
