"""The measure stage, whole: a stand-in simulator behind the real server and the real program."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import HOST

from bench.boards.emulated import emulated_board
from bench.boards.measure import measure
from bench.boards.ssh import BOARD_PROGRAM
from bench.console.events import Event, Progress
from bench.errors import BoardError, ConfigError
from bench.runners.host import HostReporter, WrongResult
from bench.runners.wire import Request
from bench.system.locks import Cancelled
from board_session import offspring

IMAGES, ELEMENTS, CLASSES = 6, 16, 3
INTERVAL = 40

# Same command line and output as the compiled simulator; it only knows the images it expects.
SIMULATOR = f"""#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        --progress) shift; continue ;;
        --package) memories=$2/memories ;;
        --input) input=$2 ;;
        --output) output=$2 ;;
        --images) images=$2 ;;
        --in-bytes-per-cycle | --out-bytes-per-cycle) [ "$2" = 8 ] || exit 2 ;;
        *) exit 2 ;;
    esac
    shift 2
done
cmp "$input" "$memories/images" || exit 2
cp "$memories/outputs" "$output"
seq "$images" >&2
echo '{{"images": {IMAGES}, "cycles": 280, "latency_cycles": 123, "ii": {INTERVAL}, "peaks": []}}'
"""


@dataclass
class Stage:
    """A request for the stage, and everything the stage tells."""

    request: Request
    package: Path
    events: list[Event] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.reporter = HostReporter("task", "stage", self.emit, self.log, self.cancelled)

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def run(self) -> dict[str, Any]:
        """Run the stage; returns its metrics."""
        measure(self.request, self.reporter, HOST)
        metrics: dict[str, Any] = json.loads((self.request.outputs / "metrics.json").read_text())
        return metrics

    def replace_simulator(self, script: str) -> None:
        (self.package / "simulator").write_text("#!/bin/sh\n" + script)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    before = offspring()
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (IMAGES, ELEMENTS), dtype=np.uint8)
    outputs = images[:, :CLASSES].astype(np.int64) - 100
    folders = {name: tmp_path / name for name in ("simulate", "export", "outputs", "scratch")}
    for folder in folders.values():
        folder.mkdir()
    package = folders["simulate"] / "package"
    (package / "memories").mkdir(parents=True)
    (package / "memories" / "images").write_bytes(images.tobytes())
    (package / "memories" / "outputs").write_bytes(outputs.astype("<i8").tobytes())
    (package / "simulator").write_text(SIMULATOR)
    (package / "simulator").chmod(0o755)
    port = {"datatype": "UINT8", "elements": ELEMENTS, "beats": 2, "bytes_per_beat": 8}
    described = {
        "board": "Pynq-Z1",
        "part": "xc7z020clg400-1",
        "clock_mhz": 100.0,
        "dma_bytes_per_cycle": 8,
        "input": port,
        "output": {"datatype": "INT9", "elements": CLASSES, "beats": 1, "bytes_per_beat": 4},
    }
    (package / "package.json").write_text(json.dumps(described))
    scale = np.asarray([1, 1, -1], np.float32)  # the host's share decides, not the raw integers
    bias = np.asarray([0, 300, 0], np.float32)
    np.savez(package / "postprocess.npz", scale=scale, bias=bias)
    (folders["simulate"] / "metrics.json").write_text(json.dumps({"ii_simulated": 40.0}))
    np.savez(folders["simulate"] / "predictions.npz", outputs=outputs[: IMAGES - 1])
    classes = np.argmax(outputs * scale + bias, axis=1)
    labels = np.where(np.arange(IMAGES) == 2, (classes + 1) % CLASSES, classes).astype(np.uint8)
    test_set = folders["export"] / "test_set.npz"
    np.savez(test_set, images=images, labels=labels, predictions=classes)
    request = Request(
        stage="measure",
        key="0" * 64,
        spec={"boards": ["emulated-board"], "images": IMAGES},
        inputs={name: folders[name] for name in ("simulate", "export")},
        outputs=folders["outputs"],
        scratch=folders["scratch"],
        cache=tmp_path,
        result=tmp_path / "result.json",
        cpus=1,
    )
    yield Stage(request, package)
    assert [p for p in folders["scratch"].iterdir() if p.is_dir()] == [], "a home was left behind"
    assert offspring() <= before


def failure(stage: Stage) -> BoardError:
    with pytest.raises(BoardError) as caught:
        stage.run()
    assert list(stage.request.outputs.iterdir()) == []
    return caught.value


def test_metrics_say_what_was_measured_and_where(stage: Stage) -> None:
    assert stage.run() == {
        "images": IMAGES,
        "accuracy": 5 / 6,
        "agreeing_with_torch": IMAGES,
        "outputs_compared": IMAGES - 1,
        "outputs_match": True,
        "fps_measured": 100e6 / INTERVAL,
        "latency_us": 1.23,
        "latency_cycles": 123,
        "cycles": 280,
        "ii_measured": INTERVAL,
        "clock_mhz": 100.0,
        "measured_on": "emulated-board",
        "input_bytes": 16,
        "output_bytes": 4,
        "dma_bytes_per_cycle": 8,
    }
    assert set(stage.reporter.timings) == {
        "emulate",
        "connect",
        "push",
        "run",
        "fetch",
        "simulator",
    }
    assert set(stage.reporter.tools) == {"asyncssh"}
    shown = [e for e in stage.events if isinstance(e, Progress)]
    assert [e.text for e in shown if e.unit == "step"] == ["push", "run", "fetch"]
    assert [e.done for e in shown if e.unit == "image"] == list(range(1, IMAGES + 1))
    assert "package/memories/outputs" in stage.log.getvalue()


def test_outputs_that_differ_from_the_simulation_are_a_wrong_result(stage: Stage) -> None:
    path = stage.package / "memories" / "outputs"
    path.write_bytes((np.fromfile(path, "<i8") + 1).tobytes())
    with pytest.raises(WrongResult, match="other outputs than alone for 5 of 5 images"):
        stage.run()
    metrics = json.loads((stage.request.outputs / "metrics.json").read_text())
    assert not metrics["outputs_match"]


def test_images_that_were_not_simulated_are_held_to_torch(stage: Stage) -> None:
    with np.load(stage.request.inputs["simulate"] / "predictions.npz") as data:
        outputs = data["outputs"]
    np.savez(stage.request.inputs["simulate"] / "predictions.npz", outputs=outputs[:2])
    path = stage.package / "memories" / "outputs"
    found = np.fromfile(path, "<i8").reshape(IMAGES, CLASSES)
    found[2:, 1] -= 1000
    path.write_bytes(found.tobytes())
    with pytest.raises(WrongResult, match="of the 4 images measured and not simulated"):
        stage.run()


def test_a_real_board_that_gives_other_outputs_is_a_failure(stage: Stage, monkeypatch: Any) -> None:
    path = stage.package / "memories" / "outputs"
    path.write_bytes((np.fromfile(path, "<i8") + 1).tobytes())
    own = '        **identity,\n        "clock_mhz"'
    real = '        **identity | {"measured_on": "board"},\n        "clock_mhz"'
    use_program(stage, monkeypatch, lambda program: program.replace(own, real))
    with pytest.raises(BoardError, match="On the board: Behind the DMA"):
        stage.run()


def test_a_board_with_another_part_refuses(stage: Stage, monkeypatch: Any) -> None:
    def other(board: str, part: str, parent: Path) -> Any:
        return emulated_board("Ultra96", "zu3", parent)

    monkeypatch.setattr("bench.boards.measure.emulated_board", other)
    error = failure(stage)
    assert "package is for Pynq-Z1 (xc7z020clg400-1), this board is Ultra96 (zu3)" in error.what
    assert "build for it" in error.remedy


def test_what_a_failing_simulator_says_is_logged(stage: Stage) -> None:
    stage.replace_simulator("echo no memory left >&2; exit 139")
    assert "ended with status 139" in failure(stage).what
    assert "no memory left" in stage.log.getvalue()


def test_garbage_on_standard_output_is_an_error(stage: Stage, monkeypatch: Any) -> None:
    def chatty(program: str) -> str:
        return program.replace('if __name__ == "__main__":', 'print("Welcome to PYNQ")\nif True:')

    use_program(stage, monkeypatch, chatty)
    assert "something other than one JSON document: Welcome to PYNQ" in failure(stage).what


def test_a_program_that_crashes_shows_its_last_lines(stage: Stage, monkeypatch: Any) -> None:
    use_program(stage, monkeypatch, lambda _: "import no_such_module")
    assert "No module named 'no_such_module'" in failure(stage).what


def test_a_program_that_measured_something_else(stage: Stage, monkeypatch: Any) -> None:
    use_program(stage, monkeypatch, lambda text: text.replace('"images": images,', '"images": 5,'))
    assert "measured 5 images" in failure(stage).what


def use_program(stage: Stage, monkeypatch: Any, change: Callable[[str], str]) -> None:
    program = stage.request.cache / "bench_board.py"
    program.write_text(change(BOARD_PROGRAM.read_text()))
    monkeypatch.setattr("bench.boards.measure.BOARD_FILES", (program,))


def test_an_interrupt_stops_the_run_at_once(stage: Stage) -> None:
    stage.replace_simulator("echo 1 >&2; exec sleep 60")

    def emit(event: Event) -> None:
        if isinstance(event, Progress) and event.unit == "image":
            stage.cancelled.set()
            started.append(time.monotonic())

    started: list[float] = []
    stage.reporter = HostReporter("task", "stage", emit, stage.log, stage.cancelled)
    with pytest.raises(Cancelled):
        stage.run()
    assert time.monotonic() - started[0] < 30
    assert list(stage.request.outputs.iterdir()) == []


def test_a_run_that_hangs_is_given_up(stage: Stage, monkeypatch: Any) -> None:
    stage.replace_simulator("exec sleep 60")
    monkeypatch.setattr("bench.boards.measure._FIXED_LIMIT_S", 0.3)
    assert "did not answer within 0.42 s while running" in failure(stage).what


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input": {"datatype": "INT8", "file_dtype": "int8"}}, "elements of INT8 as int8"),
        ({"input": {"datatype": "UINT8", "elements": 1}}, "takes 1 elements"),
        ({"part": None}, "not usable"),
    ],
)
def test_a_package_that_does_not_fit(stage: Stage, changes: dict[str, Any], said: str) -> None:
    path = stage.package / "package.json"
    described = json.loads(path.read_text())
    for name, value in changes.items():
        if isinstance(value, dict):
            described[name] |= value
        else:
            described[name] = value
    path.write_text(json.dumps(described))
    assert said in failure(stage).what


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"boards": ["emulated-board"], "images": 7}, "has 6 images"),
        ({"boards": ["emulated-board"], "images": 1}, "no interval between images"),
        ({"boards": ["emulatd"], "images": 2}, "'emulatd' is not known"),
    ],
)
def test_a_spec_that_cannot_be(stage: Stage, spec: dict[str, Any], said: str) -> None:
    object.__setattr__(stage.request, "spec", spec)
    with pytest.raises(ConfigError, match=said):
        stage.run()
