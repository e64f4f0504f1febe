"""The part of bench_board.py for real boards: FINN+'s driver loads, runs and times the bitstream.

Runs on the board's own Python (3.10 or newer) as root, with finn-plus-driver, PYNQ and numpy. Times
are wall-clock times of the driver's `execute_on_buffers`, as in its own throughput test: they
include both DMAs, not the packing on the processor.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

BATCHES = (1, 10, 100, 1000)
WARM_UPS = 3
# Each batch size is repeated for so long, but at least and at most so many times.
SECONDS, FEWEST, MOST = 0.5, 7, 200
# The driver packs on the processor; more at once only costs memory.
VALIDATION_BATCH = 100
CLOCK_TOLERANCE = 0.01
SAMPLE_SECONDS = 0.05
_IIO = Path("/sys/bus/iio/devices")
_HWMON = Path("/sys/class/hwmon")


class Unsuitable(Exception):
    """The package cannot run here: what is wrong, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def measure(
    folder: Path, data: dict[str, Any], images: Path, output: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Load the bitstream of the package in `folder`, pass the images through it, time it.

    `images` has one byte per input element; `output` gets the integers, int64 little-endian.

    Raises:
        Unsuitable: The bitstream is for another part, or the clock is not what it was built for.
    """
    bitstream = folder / data["bitstream"]
    check_part(bitstream, data["part"])
    accelerator = _load(bitstream, folder / data["settings"])
    clock_mhz = _read_clock(accelerator, float(data["clock_mhz"]))
    count = _validate(accelerator, images, output, data["input"], say)
    with sampled() as samples:
        batches = [time_batch(accelerator, size) for size in BATCHES if size <= max(count, 1)]
    best = max(batches, key=lambda batch: batch["images_per_second"])
    return {
        "clock_mhz": clock_mhz,
        "images": count,
        "images_per_second": best["images_per_second"],
        "interval_cycles": clock_mhz * 1e6 / best["images_per_second"],
        "latency_us": batches[0]["median_s"] * 1e6,
        "details": {
            "batches": batches,
            "clock_asked_mhz": float(data["clock_mhz"]),
            "driver": metadata.version("finn-plus-driver"),
            "pynq": metadata.version("pynq"),
            **samples,
        },
    }


def check_part(bitstream: Path, part: str) -> None:
    """Compare the part in the header of a .bit file with the board's.

    Raises:
        Unsuitable: They differ, or there is no such header.
    """
    built_for = _part_of(bitstream.read_bytes()[:1024])
    same = part.lower().removeprefix("xc").startswith(built_for.removeprefix("xc"))
    if not built_for or not same:
        raise Unsuitable(
            f"{bitstream.name} is for {built_for or 'an unknown part'}, this board has {part}.",
            "Synthesize for this board.",
        )


def _part_of(header: bytes) -> str:
    """Field `b` of a .bit file: a letter, a two-byte length, a text that ends with a zero byte."""
    position = 2 + int.from_bytes(header[:2], "big") + 2
    while position + 3 <= len(header):
        letter = header[position : position + 1]
        size = int.from_bytes(header[position + 1 : position + 3], "big")
        text = header[position + 3 : position + 3 + size]
        if letter == b"b":
            return text.rstrip(b"\0").decode("ascii", "replace").lower()
        position += 3 + size
    return ""


def _load(bitstream: Path, settings_file: Path) -> Any:
    """The driver's overlay; making it loads the bitstream and sets the clock."""
    from finn_plus_driver import get_driver_class

    settings = json.loads(settings_file.read_text(encoding="utf-8"))["driver_information"]
    here = settings_file.resolve().parent
    settings["runtime_weight_dir"] = str(here / "runtime_weights")
    settings["mlo_weight_dir"] = str(here / "mlo_weights")
    settings["batch_size"] = 1
    if settings["driver_type"] != "FINNDMAOverlay":
        raise Unsuitable(
            f"The package asks for the driver {settings['driver_type']}.",
            "Build without instrumentation: only FINNDMAOverlay takes images.",
        )
    return get_driver_class(settings["driver_type"])(str(bitstream.resolve()), **settings)


def _read_clock(accelerator: Any, asked_mhz: float) -> float:
    """The accelerator's clock as it runs now.

    The driver sets the processor's clock output to the 100 MHz that the clocking wizard in the
    bitstream takes; should the board have rounded that, the wizard's output is off by as much.
    """
    from pynq.ps import Clocks

    actual = float(accelerator.fclk_mhz_actual) * float(Clocks.fclk0_mhz) / 100.0
    if actual > asked_mhz * (1 + CLOCK_TOLERANCE):
        raise Unsuitable(
            f"The board runs the accelerator at {actual:g} MHz; it was built for {asked_mhz:g}.",
            "Reboot the board, then rerun; nothing computed beyond its clock can be trusted.",
        )
    return actual


def _validate(
    accelerator: Any,
    images: Path,
    output: Path,
    port: Mapping[str, Any],
    say: Callable[[str], None],
) -> int:
    """Pass every image through the accelerator; leaves its integers in `output`."""
    import numpy as np

    pixels = np.fromfile(images, dtype=port.get("file_dtype", "uint8")).reshape(
        -1, int(port["elements"])
    )
    with output.open("wb") as file:
        for start in range(0, len(pixels), VALIDATION_BATCH):
            batch = pixels[start : start + VALIDATION_BATCH]
            if accelerator.batch_size != len(batch):
                accelerator.batch_size = len(batch)
            results = accelerator.execute(batch.reshape(accelerator.ishape_normal()))
            integers = np.rint(np.asarray(results, dtype=np.float64)).reshape(len(batch), -1)
            file.write(integers.astype("<i8").tobytes())
            say(str(start + len(batch)))
    return len(pixels)


def time_batch(accelerator: Any, size: int) -> dict[str, Any]:
    """Time one batch size: warm up, repeat, take the median; all times in seconds."""
    accelerator.batch_size = size
    for _ in range(WARM_UPS):
        accelerator.execute_on_buffers()
    seconds: list[float] = []
    begin = time.perf_counter()
    while len(seconds) < FEWEST or (len(seconds) < MOST and time.perf_counter() - begin < SECONDS):
        start = time.perf_counter()
        accelerator.execute_on_buffers()
        seconds.append(time.perf_counter() - start)
    quartiles = statistics.quantiles(seconds, n=4)
    median = statistics.median(seconds)
    return {
        "batch": size,
        "repetitions": len(seconds),
        "median_s": median,
        "quartiles_s": [quartiles[0], quartiles[2]],
        "min_s": min(seconds),
        "max_s": max(seconds),
        "images_per_second": size / median,
    }


@contextmanager
def sampled() -> Iterator[dict[str, Any]]:
    """Sample power and temperature while the block runs.

    Yields:
        Filled when the block ends: `power_w` (mean by rail), `temperature_c` (highest by sensor),
        as far as the board has sensors.
    """
    result: dict[str, Any] = {}
    power: dict[str, list[float]] = {}
    heat: dict[str, list[float]] = {}
    stop = threading.Event()

    def watch() -> None:
        while True:
            for readings, kept in ((read_power(), power), (read_temperature(), heat)):
                for name, value in readings.items():
                    kept.setdefault(name, []).append(value)
            if stop.wait(SAMPLE_SECONDS):
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield result
    finally:
        stop.set()
        thread.join()
        if power:
            result["power_w"] = {name: statistics.fmean(kept) for name, kept in power.items()}
        if heat:
            result["temperature_c"] = {name: max(kept) for name, kept in heat.items()}


def read_power(hwmon: Path = _HWMON) -> dict[str, float]:
    """Watts by sensor, from the kernel: the rails of ZCU boards, the whole board on KV260."""
    watts = {}
    for path in sorted(hwmon.glob("hwmon*/power*_input")):
        value = _number(path)
        if value is not None:
            name = _text(path.parent / "name") or path.parent.name
            label = _text(path.with_name(path.name.replace("_input", "_label")))
            watts[f"{name} {label or path.name.removesuffix('_input')}"] = value / 1e6
    return watts


def read_temperature(iio: Path = _IIO) -> dict[str, float]:
    """Degrees Celsius by sensor, from the chip's own converter (XADC, SYSMON)."""
    degrees = {}
    for path in sorted(iio.glob("iio:device*/in_temp*_raw")):
        raw = _number(path)
        offset = _number(path.with_name(path.name.replace("_raw", "_offset")))
        scale = _number(path.with_name(path.name.replace("_raw", "_scale")))
        if raw is not None and scale is not None:
            name = path.name.removeprefix("in_").removesuffix("_raw")
            degrees[name] = (raw + (offset or 0.0)) * scale / 1000
    return degrees


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _number(path: Path) -> float | None:
    try:
        return float(_text(path))
    except ValueError:
        return None
