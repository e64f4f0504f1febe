"""The program on the board: load an accelerator package, pass images through it, time it.

Standard library only, Python 3.10 or newer; one file, as a probe sends it on standard input.
Exactly one JSON document goes to standard output; progress goes to standard error, as the number
of images done, one a line. A failure is a document with `error` and `remedy`, and exit status 1.

On the emulated board the package's cycle-accurate simulator replaces the FPGA; throughput follows
from the simulated cycles and the clock, not from wall-clock time. On a real board pynq_board.py,
pushed beside this file, uses FINN+'s driver; this program first restarts itself as root in PYNQ's
Python, as the driver needs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import math
import os
import platform
import select
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IDENTITY_FILE = Path.home() / ".bench-board.json"
# PYNQ's images name their board in the first file, Kria-PYNQ in the second.
BOARD_NAME_FILES = (
    Path("/etc/profile.d/boardname.sh"),
    Path("/etc/profile.d/pynq_venv.sh"),
    Path("/etc/environment"),
)
# PYNQ has the same name for both versions of the Ultra96.
MODEL_FILE = Path("/proc/device-tree/model")
# By PYNQ's name: FINN+'s name and part.
PYNQ_BOARDS = {
    "AUP-ZU3": ("AUP-ZU3_8GB", "xczu3eg-sfvc784-2-e"),
    "KV260": ("KV260_SOM", "xck26-sfvc784-2LV-c"),
    "Pynq-Z1": ("Pynq-Z1", "xc7z020clg400-1"),
    "Pynq-Z2": ("Pynq-Z2", "xc7z020clg400-1"),
    "RFSoC2x2": ("RFSoC2x2", "xczu28dr-ffvg1517-2-e"),
    "RFSoC4x2": ("RFSoC4x2", "xczu48dr-ffvg1517-2-e"),
    "Ultra96": ("Ultra96", "xczu3eg-sbva484-1-e"),
    "Ultra96v2": ("Ultra96-V2", "xczu3eg-sbva484-1-i"),
    "ZCU102": ("ZCU102", "xczu9eg-ffvb1156-2-e"),
    "ZCU104": ("ZCU104", "xczu7ev-ffvc1156-2-e"),
    "ZCU111": ("ZCU111", "xczu28dr-ffvg1517-2-e"),
}
PYNQ_PYTHON = Path("/usr/local/share/pynq-venv/bin/python3")
EMULATED = "emulated-board"
_RESTARTED = "BENCH_BOARD_RESTARTED"
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
    dma_bytes_per_cycle: int
    input: Port
    output: Port
    data: dict[str, Any]

    @property
    def simulator(self) -> Path:
        """The program that replaces the FPGA."""
        return self.folder / "simulator"


def main() -> int:
    """Probe or measure; returns the exit status."""
    options = _parse_options()
    try:
        # Standard output is for the document; what libraries print goes to standard error.
        with contextlib.redirect_stdout(sys.stderr):
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
    integers = "written: the accelerator's integers, int64 little-endian"
    parser.add_argument("--output", type=Path, metavar="FILE", help=integers)
    stop = "stop as soon as standard input is closed, as when the connection is lost"
    parser.add_argument("--stop-on-eof", action="store_true", help=stop)
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
    if identity["measured_on"] != EMULATED:
        return identity | _measure_bitstream(package, options)
    if not package.simulator.exists():
        raise Refused(
            "The package has no simulator, which an emulated board needs.",
            "Leave out `--board`, or name a real board.",
        )
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
        "wall_seconds": seconds,
        **_dma_of(package),
    }


def _measure_bitstream(package: Package, options: argparse.Namespace) -> dict[str, Any]:
    """Measure on a real board; see pynq_board.py."""
    if "bitstream" not in package.data:
        raise Refused(
            "The package has a simulator but no bitstream, which a real board needs.",
            "Synthesize a bitstream: name your Vivado with XILINX_VIVADO, then rerun.",
        )
    _restart_for_driver()
    if options.stop_on_eof:
        threading.Thread(target=_stop_with_connection, args=(None,), daemon=True).start()
    import pynq_board

    started = time.monotonic()
    try:
        results = pynq_board.measure(
            package.folder,
            package.data,
            options.images,
            options.output,
            lambda line: print(line, file=sys.stderr, flush=True),
        )
    except pynq_board.Unsuitable as error:
        raise Refused(error.what, error.remedy) from error
    except Exception as error:  # the driver and PYNQ raise whatever they like
        raise Refused(
            f"FINN+'s driver failed: {type(error).__name__}: {error}",
            "`bench board probe` says what the board lacks; rebooting it clears a hung DMA.",
        ) from error
    return results | _dma_of(package) | {"wall_seconds": time.monotonic() - started}


def _dma_of(package: Package) -> dict[str, Any]:
    return {
        "input_bytes": package.input.image_bytes,
        "output_bytes": package.output.image_bytes,
        "dma_bytes_per_cycle": package.dma_bytes_per_cycle,
    }


def _restart_for_driver() -> None:
    """Restart as root in a Python that has PYNQ; returns once that is the case."""
    python = _python_with_pynq()
    if not python:
        raise Refused(
            "This board has no Python with PYNQ.", "Use an image with PYNQ 3.0 or later (pynq.io)."
        )
    if os.environ.get(_RESTARTED) or (os.geteuid() == 0 and python == sys.executable):
        return
    command = [python, *sys.argv]
    variables = {
        _RESTARTED: "1",
        "HOME": str(Path.home()),
        "PYTHONDONTWRITEBYTECODE": "1",  # root's files in our folder could not be removed
        "XILINX_XRT": os.environ.get("XILINX_XRT", "/usr"),
    }
    if os.geteuid() != 0:
        if not _may_sudo():
            raise Refused(
                "Loading a bitstream needs root, and sudo asks for a password.",
                "Log in as root with a key, or allow this user `sudo` without a password.",
            )
        settings = [f"{name}={value}" for name, value in variables.items()]
        command = ["sudo", "-n", "--", "env", *settings, *command]
    os.environ.update(variables)
    os.execvp(command[0], command)


def _python_with_pynq() -> str | None:
    """The interpreter that has PYNQ: this, or that of PYNQ's images."""
    if importlib.util.find_spec("pynq") is not None:
        return sys.executable
    return str(PYNQ_PYTHON) if PYNQ_PYTHON.exists() else None


def _may_sudo() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def _identity() -> dict[str, str]:
    """The board's name, its part, and the name of what it measures."""
    try:
        identity = json.loads(IDENTITY_FILE.read_text(encoding="utf-8"))
        return {name: str(identity[name]) for name in ("board", "part", "measured_on")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        pynq_name = _versioned(_pynq_name()) if isinstance(error, FileNotFoundError) else ""
        if pynq_name in PYNQ_BOARDS:
            board, part = PYNQ_BOARDS[pynq_name]
            return {"board": board, "part": part, "measured_on": "board"}
        raise Refused(
            "This machine does not say which board it is.",
            f"{IDENTITY_FILE} has to name board, part and measured_on ({error}).",
        ) from error


def _pynq_name() -> str:
    """PYNQ's name of the board, as a log-in shell has it in $BOARD."""
    for path in BOARD_NAME_FILES:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, value = line.removeprefix("export ").strip().partition("=")
            if name == "BOARD":
                return value.strip("\"'")
    return os.environ.get("BOARD", "")


def _versioned(name: str) -> str:
    """PYNQ's name of the board; the device tree tells the versions of the Ultra96 apart."""
    if name != "Ultra96":
        return name
    try:
        model = MODEL_FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return name
    return "Ultra96v2" if "v2" in model.lower() else name


def _load_package(folder: Path, identity: dict[str, str]) -> Package:
    try:
        data = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        package = Package(
            folder=folder,
            board=str(data["board"]),
            part=str(data["part"]),
            clock_mhz=float(data["clock_mhz"]),
            dma_bytes_per_cycle=int(data["dma_bytes_per_cycle"]),
            input=_port(data["input"]),
            output=_port(data["output"]),
            data=data,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{folder} is not an accelerator package: {error!r}.",
            "Rebuild it with matching versions of bench and of the board program.",
        ) from error
    if (package.board, package.part) != (identity["board"], identity["part"]):
        raise Refused(
            f"The package is for {package.board} ({package.part}), this board is "
            f"{identity['board']} ({identity['part']}).",
            "Name the board that you have in the experiment file, and build for it.",
        )
    if not math.isfinite(package.clock_mhz) or package.clock_mhz <= 0:
        raise Refused(f"The clock of {package.clock_mhz} MHz cannot be set.", "Rebuild it.")
    if package.dma_bytes_per_cycle < 1:
        raise Refused(
            f"A DMA of {package.dma_bytes_per_cycle} bytes a cycle moves nothing.", "Rebuild it."
        )
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
    command += ["--in-bytes-per-cycle", str(package.dma_bytes_per_cycle)]
    command += ["--out-bytes-per-cycle", str(package.dma_bytes_per_cycle)]
    simulator = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        if options.stop_on_eof:
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
            "Run the stage `simulate` again, which rebuilds it.",
        ) from error


def _stop_with_connection(simulator: subprocess.Popen[str] | None) -> None:
    """End everything once nobody waits for the results.

    Standard input closes then; or, if the network was cut without the server noticing, the agent
    removes our folder.
    """
    folder = Path.cwd()
    while folder.is_dir():
        if select.select([0], [], [], 1.0)[0] and not os.read(0, 1 << 12):
            break
    if simulator is not None:
        simulator.kill()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
