"""Children end with the run: on cancel, on leaving, and when the orchestrator is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from bench.system.process import Child, MemoryWatch, describe_exit

FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
SLEEP = "import time; print('up', flush=True); time.sleep(60)"


def child(code: str, log: Path, cancelled: threading.Event) -> Child:
    return Child([sys.executable, "-c", code], dict(os.environ), log.open("ab"), cancelled)


def gone(pid: int) -> bool:
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_output_comes_as_lines_and_errors_go_to_the_log(tmp_path: Path) -> None:
    code = "import sys; print('one'); print('two'); print('bad', file=sys.stderr); sys.exit(3)"
    with child(code, tmp_path / "log", threading.Event()) as running:
        assert list(running.lines()) == ["one", "two"]
        assert running.wait() == 3
    assert (tmp_path / "log").read_text() == "bad\n"


def test_cancel_kills_the_whole_group(tmp_path: Path) -> None:
    cancelled = threading.Event()
    code = f"""
import subprocess, sys
inner = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], stdout=subprocess.DEVNULL)
print(inner.pid, flush=True)
inner.wait()
"""
    with child(code, tmp_path / "log", cancelled) as running:
        inner = int(next(running.lines()))
        cancelled.set()
        assert running.wait() == -signal.SIGTERM
    assert gone(inner)


def test_leaving_early_kills_the_child(tmp_path: Path) -> None:
    with child(SLEEP, tmp_path / "log", threading.Event()) as running:
        next(running.lines())
    assert gone(running.pid)


def test_a_worker_dies_with_a_killed_orchestrator(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    (tmp_path / "worker.py").write_text(
        textwrap.dedent("""
        import sys, time
        import stagekit
        def forever(request, reporter):
            reporter.note("up")
            time.sleep(60)
        if __name__ == "__main__":
            sys.exit(stagekit.run(sys.argv))
        """)
    )
    (tmp_path / "orchestrator.py").write_text(
        textwrap.dedent("""
        import os, sys, threading
        from pathlib import Path
        from bench.system.process import Child
        from bench.runners.wire import Request
        here = Path(sys.argv[1])
        Request(
            stage="forever", entry="worker:forever", spec={}, inputs={}, outputs=here,
            scratch=here, cache=here, result=here / "r", cpus=1, stop_on_eof=True,
        ).write(here / "request.json")
        command = [sys.executable, str(here / "worker.py"), str(here / "request.json")]
        with Child(command, dict(os.environ), open(here / "log", "wb"), threading.Event()) as c:
            next(c.lines())
            print(c.pid, flush=True)
            c.wait()
        """)
    )
    folders = os.pathsep.join([str(root), str(root / "docker" / "common")])
    orchestrator = subprocess.Popen(
        [sys.executable, str(tmp_path / "orchestrator.py"), str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": folders},
    )
    assert orchestrator.stdout is not None
    worker = int(orchestrator.stdout.readline())
    orchestrator.kill()
    orchestrator.wait()
    orchestrator.stdout.close()
    assert gone(worker)


def test_memory_counts_the_whole_family(tmp_path: Path) -> None:
    inner = "x = bytearray(60_000_000); import time; time.sleep(60)"
    code = FAMILY.format(inner=inner)
    deadline = time.monotonic() + 60
    with (
        child(code, tmp_path / "log", threading.Event()) as running,
        MemoryWatch(running.pid) as memory,
    ):
        while memory.peak_bytes < 60e6:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert memory.peak_bytes < 300e6


@pytest.mark.parametrize("limits", [{"limit_bytes": 40e6}, {"limit_s": 0.1}])
def test_a_family_beyond_its_limits_is_killed(tmp_path: Path, limits: dict[str, float]) -> None:
    inner = "import os, time; x = bytearray(60_000_000); print(os.getpid()); time.sleep(60)"
    code = FAMILY.format(inner=inner)
    with (
        child(code, tmp_path / "log", threading.Event()) as running,
        MemoryWatch(running.pid, **limits) as memory,
    ):
        assert running.wait() == -signal.SIGKILL
        assert all(gone(int(pid)) for pid in running.lines())
    assert (memory.too_large, memory.too_slow) == ("limit_bytes" in limits, "limit_s" in limits)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(-9, "SIGKILL"), (-15, "SIGTERM"), (1, "exit status 1")],
)
def test_exits_are_described(status: int, expected: str) -> None:
    assert expected in describe_exit(status)
