"""The program that runs on the board, without a connection."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

from bench.boards.agent import AGENT_PROGRAM
from bench.boards.checks import SURVEY_PROGRAM
from bench.boards.ssh import BOARD_FILES, BOARD_PROGRAM
from contract.finn.parts import BOARDS

IDENTITY = {"board": "Pynq-Z1", "part": "xc7z020clg400-1", "measured_on": "emulated-board"}
PACKAGE = {
    "board": "Pynq-Z1",
    "part": "xc7z020clg400-1",
    "clock_mhz": 50.0,
    "dma_bytes_per_cycle": 4,
    "input": {"elements": 4, "beats": 2, "bytes_per_beat": 2},
    "output": {"elements": 2, "beats": 1, "bytes_per_beat": 3},
}
IMAGES = 3
WRITES = f"head -c {IMAGES * 2 * 8} /dev/zero >out; "
RESULTS = '{"images": 3, "cycles": 150, "latency_cycles": 70, "ii": 40.0, "peaks": []}'


@pytest.fixture
def program(monkeypatch: Any, tmp_path: Path) -> ModuleType:
    """The program as a module, on a machine that says it is a board."""
    spec = importlib.util.spec_from_file_location("bench_board", BOARD_PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "bench_board", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "IDENTITY_FILE", tmp_path / ".bench-board.json")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".bench-board.json").write_text(json.dumps(IDENTITY))
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "package.json").write_text(json.dumps(PACKAGE))
    (tmp_path / "images").write_bytes(bytes(IMAGES * 4))
    simulator(f"{WRITES} echo '{RESULTS}'")
    return module


def simulator(script: str) -> None:
    Path("package/simulator").write_text(f"#!/bin/sh\n{script}\n")


def run(program: ModuleType, monkeypatch: Any, capfd: Any) -> tuple[int, dict[str, Any]]:
    """Exit status and the one document on standard output."""
    arguments = ["--package", "package", "--images", "images", "--output", "out"]
    monkeypatch.setattr(sys, "argv", ["bench_board.py", *arguments])
    status = program.main()
    return status, json.loads(capfd.readouterr().out)


def test_cycles_and_clock_make_the_throughput(
    program: ModuleType, monkeypatch: Any, capfd: Any
) -> None:
    status, document = run(program, monkeypatch, capfd)
    assert status == 0
    assert document.pop("wall_seconds") > 0
    assert document == IDENTITY | {
        "clock_mhz": 50.0,
        "images": IMAGES,
        "cycles": 150,
        "latency_cycles": 70,
        "latency_us": 1.4,
        "interval_cycles": 40.0,
        "images_per_second": 1.25e6,
        "input_bytes": 4,
        "output_bytes": 3,
        "dma_bytes_per_cycle": 4,
    }


def test_the_dma_of_the_simulator_is_as_wide_as_the_package_says(
    program: ModuleType, monkeypatch: Any, capfd: Any
) -> None:
    simulator(f"echo \"$@\" >arguments; {WRITES} echo '{RESULTS}'")
    run(program, monkeypatch, capfd)
    arguments = Path("arguments").read_text()
    assert "--in-bytes-per-cycle 4 --out-bytes-per-cycle 4" in arguments
    assert f"--images {IMAGES}" in arguments


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 139", "ended with status 139"),
        ('echo \'{"stalled": "input_to_MVAU"}\'; exit 3', "input_to_MVAU"),
        (f"touch out; echo '{RESULTS}'", "wrote 0 bytes instead of 48"),
        (f"echo '{RESULTS}'", "No such file"),
        (f"{WRITES} echo Hello", "'Hello"),
        (f"{WRITES} echo '[]'", "printed no results"),
        (f"{WRITES} echo '{RESULTS.replace('40.0', 'null')}'", "printed no results"),
        (f"{WRITES} echo '{RESULTS.replace('40.0', '0')}'", "not positive"),
    ],
)
def test_a_simulator_that_fails_is_explained(
    program: ModuleType, monkeypatch: Any, capfd: Any, script: str, said: str
) -> None:
    simulator(script)
    status, document = run(program, monkeypatch, capfd)
    assert status == 1
    assert set(document) == {"error", "remedy"}
    assert said in document["error"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"part": "xczu3eg-sbva484-1-e"}, "package is for Pynq-Z1 (xczu3eg-sbva484-1-e), this"),
        ({"board": "Pynq-Z2"}, "package is for Pynq-Z2 (xc7z020clg400-1), this board is Pynq-Z1"),
        ({"clock_mhz": 0}, "cannot be set"),
        ({"dma_bytes_per_cycle": 0}, "moves nothing"),
        ({"dma_bytes_per_cycle": None}, "not an accelerator package"),
        ({"input": {"elements": 4}}, "not an accelerator package"),
        ({"output": 7}, "not an accelerator package"),
    ],
)
def test_a_package_that_does_not_suit_is_refused(
    program: ModuleType, monkeypatch: Any, capfd: Any, changes: dict[str, Any], said: str
) -> None:
    Path("package/package.json").write_text(json.dumps(PACKAGE | changes))
    simulator("touch ran")
    status, document = run(program, monkeypatch, capfd)
    assert status == 1
    assert said in document["error"]
    assert not Path("ran").exists()


@pytest.mark.parametrize("size", [0, 4, 11])
def test_images_that_are_not_whole_or_too_few(
    program: ModuleType, monkeypatch: Any, capfd: Any, size: int
) -> None:
    Path("images").write_bytes(bytes(size))
    status, document = run(program, monkeypatch, capfd)
    assert status == 1
    assert f"holds {size} bytes" in document["error"]


@pytest.mark.parametrize("text", ["", "[]", '{"board": "Pynq-Z1"}'])
def test_a_machine_that_is_no_board(
    program: ModuleType, monkeypatch: Any, capfd: Any, text: str
) -> None:
    Path(".bench-board.json").write_text(text)
    status, document = run(program, monkeypatch, capfd)
    assert status == 1
    assert "does not say which board it is" in document["error"]


@pytest.mark.parametrize(
    "path", [*BOARD_FILES, AGENT_PROGRAM, SURVEY_PROGRAM], ids=lambda path: path.name
)
def test_it_needs_nothing_but_the_python_of_a_board(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 10))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or ".").split(".")[0])
    assert "json" in imported
    on_real_boards = {"pynq_board", "finn_plus_driver", "pynq", "numpy"}
    assert imported <= sys.stdlib_module_names | on_real_boards


@pytest.mark.parametrize(
    ("file", "text", "model", "board"),
    [
        ("boardname.sh", "export BOARD=Pynq-Z2\n", "", "Pynq-Z2"),
        ("boardname.sh", 'export BOARD="ZCU104"\n', "", "ZCU104"),
        ("pynq_venv.sh", "source venv/bin/activate\nexport BOARD=KV260\n", "", "KV260_SOM"),
        ("boardname.sh", "export BOARD=Ultra96\n", "", "Ultra96"),
        ("boardname.sh", "export BOARD=Ultra96\n", "Avnet Ultra96 Rev1\0", "Ultra96"),
        ("boardname.sh", "export BOARD=Ultra96\n", "Avnet Ultra96-V2 Rev1\0", "Ultra96-V2"),
    ],
)
def test_pynq_says_which_board_it_is(
    program: ModuleType, monkeypatch: Any, tmp_path: Path, file: str, text: str, model: str,
    board: str,
) -> None:  # fmt: skip
    files = [tmp_path / path.name for path in program.BOARD_NAME_FILES]
    monkeypatch.setattr(program, "BOARD_NAME_FILES", files)
    monkeypatch.setattr(program, "IDENTITY_FILE", tmp_path / "none")
    monkeypatch.setattr(program, "MODEL_FILE", tmp_path / "model")
    (tmp_path / file).write_text(text)
    (tmp_path / "model").write_text(model) if model else None
    found = program._identity()
    assert (found["board"], found["measured_on"]) == (board, "board")
    assert found["part"] == BOARDS[board]


def test_boards_are_named_as_everywhere(program: ModuleType) -> None:
    assert dict(program.PYNQ_BOARDS.values()) == BOARDS


def test_it_stops_with_its_connection(program: ModuleType, tmp_path: Path) -> None:
    simulator("echo $$ >&2; exec sleep 60")
    command = [sys.executable, str(BOARD_PROGRAM), "--stop-on-eof", "--package", "package"]
    command += ["--images", "images", "--output", "out"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, env={"HOME": str(tmp_path)}
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        child = psutil.Process(int(running.stderr.readline()))
        assert child.is_running()
        running.stdin.close()
        assert running.wait(60) == 1
    deadline = time.monotonic() + 60
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(process: psutil.Process) -> bool:
    try:
        # Orphans wait as zombies until init gets round to them.
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
