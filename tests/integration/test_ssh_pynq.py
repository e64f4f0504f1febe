"""The path to a real board, by contract: a real SSH server, stand-ins for PYNQ and the driver."""

from __future__ import annotations

import asyncio
import io
import json
import shlex
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import numpy as np
import pytest
from fakes import HOST

import fake_driver
from bench.boards.base import Address, Identity
from bench.boards.checks import check_board
from bench.boards.emulated import prepare_home, serve
from bench.boards.link import open_link
from bench.boards.measure import measure
from bench.boards.pool import BoardPool, Remote
from bench.errors import BoardError
from bench.runners.host import HostReporter
from bench.runners.wire import Request

KEY = asyncssh.generate_private_key("ssh-ed25519")
PART = "xc7z020clg400-1"
IMAGES, ELEMENTS, CLASSES = 230, 16, 3


class Board:
    """A machine that says it is a real board, served from a thread of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir()
        prepare_home(home, Identity(board="Pynq-Z1", part=PART, measured_on="board"))
        fake_driver.install(home / "packages")
        packages, python = shlex.quote(str(home / "packages")), shlex.quote(sys.executable)
        self._write("python3", f"export PYTHONPATH={packages}; exec {python}")
        self._write("sudo", "shift; [ $1 = -- ] && shift; exec")
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.address: Address

    def _write(self, name: str, script: str) -> None:
        path = self.home / "bin" / name
        path.write_text(f'#!/bin/sh\n{script} "$@"\n')
        path.chmod(0o700)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self.home, KEY.convert_to_public()) as address:
            self.address = replace(address, client_keys=(KEY,))
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> Board:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


@pytest.fixture
def board(tmp_path: Path, monkeypatch: Any) -> Iterator[Board]:
    with Board(tmp_path / "home") as served:
        monkeypatch.setattr("bench.boards.measure.address_of", lambda remote: served.address)
        yield served


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """A request to measure a bitstream that computes what the stand-in of the driver does."""
    names = ("simulate", "synthesize", "export", "outputs", "scratch")
    folders = {name: tmp_path / name for name in names}
    package = folders["synthesize"] / "package"
    for folder in (*folders.values(), package, folders["simulate"] / "package"):
        folder.mkdir()
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (IMAGES, ELEMENTS), dtype=np.uint8)
    outputs = images[:, :CLASSES].astype(np.int64) - 100
    classes = np.argmax(outputs, axis=1)
    np.savez(
        folders["export"] / "test_set.npz",
        images=images, labels=classes.astype(np.uint8), predictions=classes,
    )  # fmt: skip
    np.savez(folders["simulate"] / "predictions.npz", outputs=outputs[:50])
    (folders["simulate"] / "metrics.json").write_text('{"ii_simulated": 64.0}')
    np.savez(
        folders["simulate"] / "package" / "postprocess.npz",
        scale=np.ones(CLASSES, np.float32), bias=np.zeros(CLASSES, np.float32),
    )  # fmt: skip
    write_package(package)
    return Request(
        stage="measure",
        key="0" * 64,
        spec={"boards": ["mine"], "images": IMAGES},
        inputs={name: folders[name] for name in names[:3]},
        outputs=folders["outputs"],
        scratch=folders["scratch"],
        cache=tmp_path,
        result=tmp_path / "result.json",
        cpus=1,
    )


def write_package(folder: Path) -> None:
    (folder / "settings.json").write_text(json.dumps(fake_driver.settings(ELEMENTS, CLASSES)))
    (folder / "finn-accel.bit").write_bytes(fake_driver.bit_file("7z020clg400"))
    (folder / "finn-accel.hwh").write_text(fake_driver.hwh_file(100.0))
    port = {"datatype": "UINT8", "elements": ELEMENTS, "beats": 2, "bytes_per_beat": 8}
    described = {
        "board": "Pynq-Z1", "part": PART, "clock_mhz": 100.0, "dma_bytes_per_cycle": 8,
        "input": port, "output": port | {"datatype": "INT9", "elements": CLASSES},
        "bitstream": "finn-accel.bit", "settings": "settings.json",
    }  # fmt: skip
    (folder / "package.json").write_text(json.dumps(described))


def run(request_: Request) -> dict[str, Any]:
    reporter = HostReporter("task", "stage", lambda event: None, io.StringIO(), threading.Event())
    pool = BoardPool([Remote("mine", "there", 22, "xilinx")])
    measure(request_, reporter, replace(HOST, pool=pool))
    metrics: dict[str, Any] = json.loads((request_.outputs / "metrics.json").read_text())
    return metrics


def test_a_real_board_is_loaded_checked_and_timed(board: Board, request_: Request) -> None:
    metrics = run(request_)
    assert metrics["measured_on"] == "board"
    assert metrics["board_name"] == "mine"
    assert (metrics["images"], metrics["accuracy"], metrics["outputs_compared"]) == (
        IMAGES,
        1.0,
        50,
    )
    assert metrics["clock_mhz"] == 100.0
    details = metrics["board"]
    assert (details["driver"], details["pynq"]) == ("1.6.1", "3.0.1")
    assert [batch["batch"] for batch in details["batches"]] == [1, 10, 100]
    for batch in details["batches"]:
        low, high = batch["quartiles_s"]
        assert batch["min_s"] <= low <= batch["median_s"] <= high <= batch["max_s"]
        assert batch["repetitions"] >= 7
        assert batch["median_s"] > batch["batch"] * 1e-5
        assert batch["images_per_second"] == pytest.approx(batch["batch"] / batch["median_s"])
    best = max(batch["images_per_second"] for batch in details["batches"])
    assert metrics["fps_measured"] == best
    assert metrics["ii_measured"] == pytest.approx(100e6 / best)
    assert list((board.home / ".bench" / "sessions").iterdir()) == []


def test_a_clock_that_was_rounded_down_counts(board: Board, request_: Request) -> None:
    ps = board.home / "packages" / "pynq" / "ps.py"
    ps.write_text(ps.read_text().replace("= 100.0", "= 96.0"))
    metrics = run(request_)
    assert metrics["clock_mhz"] == pytest.approx(96.0)
    assert metrics["board"]["clock_asked_mhz"] == 100.0


def test_a_clock_beyond_what_was_built_is_refused(board: Board, request_: Request) -> None:
    ps = board.home / "packages" / "pynq" / "ps.py"
    ps.write_text(ps.read_text().replace("= 100.0", "= 125.0"))
    with pytest.raises(BoardError, match="runs the accelerator at 125 MHz; it was built for 100"):
        run(request_)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (fake_driver.bit_file("xczu3eg-sbva484-1-e"), "is for xczu3eg-sbva484-1-e, this board"),
        (b"not a bitstream", "is for an unknown part"),
    ],
)
def test_a_wrong_bitstream_is_refused(
    board: Board, request_: Request, content: bytes, said: str
) -> None:
    (request_.inputs["synthesize"] / "package" / "finn-accel.bit").write_bytes(content)
    with pytest.raises(BoardError, match=said):
        run(request_)


def test_a_driver_that_fails_is_explained(board: Board, request_: Request) -> None:
    pynq = board.home / "packages" / "pynq" / "__init__.py"
    pynq.write_text(pynq.read_text().replace("return 0x4", "return 0x0"))
    with pytest.raises(BoardError, match="AssertionError: Output DMA 0 is not idle") as caught:
        run(request_)
    assert "bench board probe" in caught.value.remedy


def test_a_simulator_is_refused_by_a_real_board(board: Board, request_: Request) -> None:
    path = request_.inputs["synthesize"] / "package" / "package.json"
    described = json.loads(path.read_text())
    del described["bitstream"]
    path.write_text(json.dumps(described))
    with pytest.raises(BoardError, match="but no bitstream") as caught:
        run(request_)
    assert "XILINX_VIVADO" in caught.value.remedy


def probe(board: Board) -> dict[str, tuple[str, str]]:
    async def look() -> dict[str, tuple[str, str]]:
        async with open_link(board.address, print) as link:
            return {check.name: (check.state, check.detail) for check in await check_board(link)}

    return asyncio.run(look())


def test_probe_finds_what_a_measurement_needs(board: Board) -> None:
    found = probe(board)
    assert found["board"] == ("ok", f"Pynq-Z1 ({PART}), numbers are 'board'")
    assert found["finn-plus-driver"] == ("ok", "1.6.1")
    assert found["pynq"] == ("ok", "3.0.1")
    assert found["in use by"] == ("ok", "nobody")


def test_probe_says_what_is_missing(board: Board) -> None:
    (board.home / ".bench-board.json").unlink()
    python = board.home / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S "$@"\n')
    (board.home / "bin" / "sudo").write_text("#!/bin/sh\nexit 1\n")
    found = probe(board)
    assert found["pynq"][0] == found["finn-plus-driver"][0] == found["board"][0] == "missing"


def test_sensors_are_read_where_there_are_any(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docker" / "board"))
    import pynq_board

    monitor, converter = tmp_path / "hwmon0", tmp_path / "iio:device0"
    monitor.mkdir()
    converter.mkdir()
    (monitor / "name").write_text("ina260_u14\n")
    (monitor / "power1_input").write_text("3250000\n")
    (monitor / "power2_input").write_text("broken\n")
    for name, value in (("raw", 2600), ("offset", -2219), ("scale", 123.040771)):
        (converter / f"in_temp0_{name}").write_text(f"{value}\n")
    assert pynq_board.read_power(tmp_path) == {"ina260_u14 power1": 3.25}
    assert pynq_board.read_temperature(tmp_path) == {"temp0": pytest.approx(46.9, abs=0.1)}
    assert pynq_board.read_power(tmp_path / "nothing") == {}
