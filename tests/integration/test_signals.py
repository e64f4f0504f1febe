"""Signals to a real process, at any moment: its exit code, its children, its store."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.errors import Exit
from bench.paths import ROOT
from bench.store import Entry, Store

GRID = ROOT / "experiments" / "quick.toml"
SCRIPT = Path(__file__).parent / "signalled_bench.py"
CODES = {
    signal.SIGINT: Exit.INTERRUPTED,
    signal.SIGTERM: Exit.TERMINATED,
    signal.SIGHUP: Exit.HANGUP,
}

# What a shell starts in the background ignores Ctrl-C, what nohup starts ignores a hangup, and so
# would everything that we start. A handler, unlike SIG_IGN, is not inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": "unix:///nonexistent.sock"},
    )


def start_run(store: Path, waits_in: str = "none") -> subprocess.Popen[str]:
    options = ("--store", str(store), "--runner", "venv", "--only", "simulate", "--jobs", "4")
    return start(str(SCRIPT), waits_in, "run", str(GRID), *options)


def require_sound(store: Path) -> int:
    """Whatever is in the store is whole, and nothing else is left; how many artifacts there are."""
    found = list(Store(store).survey())
    assert all(isinstance(one, Entry) and one.damage() == [] for one in found)
    assert list((store / "tmp").iterdir()) == []
    assert list((store / "failed").iterdir()) == []
    return len(found)


def handles_signals(process: subprocess.Popen[str]) -> bool:
    """Whether the process has got so far that SIGTERM does not simply kill it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_the_workers_and_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals
) -> None:
    running = start_run(tmp_path, waits_in="export")
    assert running.stdout is not None
    child = next(int(line.split("child ")[1]) for line in running.stdout if "child " in line)
    running.send_signal(number)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == CODES[number], output
    assert "interrupted; what was finished is kept" in output
    assert "Traceback" not in output
    assert not psutil.pid_exists(child)
    assert require_sound(tmp_path) >= 2


@pytest.mark.parametrize("seed", range(6))
def test_several_quick_signals_while_stages_commit(tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed)
    running = start_run(tmp_path)
    assert running.stdout is not None
    next(line for line in running.stdout if "started" in line)
    time.sleep(moment.uniform(0, 1.0))
    while running.poll() is None:
        running.send_signal(signal.SIGINT)
        time.sleep(moment.uniform(0, 0.02))
    output = running.stdout.read()
    assert running.returncode in (Exit.INTERRUPTED, Exit.OK), output
    assert "Traceback" not in output
    require_sound(tmp_path)


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_a_signal_in_the_first_second_is_no_traceback(
    tmp_path: Path, number: signal.Signals, delay: float
) -> None:
    running = start("-m", "bench", "plan", str(GRID), "--store", str(tmp_path), "--runner", "venv")
    while not handles_signals(running):
        time.sleep(0.001)
    time.sleep(delay)
    running.send_signal(number)
    output, _ = running.communicate(timeout=60)
    assert running.returncode in (CODES[number], Exit.OK), output
    assert "Traceback" not in output
    if delay == 0:
        assert running.returncode == CODES[number]


def test_a_signal_that_nohup_has_silenced_stays_so(tmp_path: Path) -> None:
    running = start(
        "-c",
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "os.execv(sys.executable, [sys.executable, '-m', 'bench', *sys.argv[1:]])",
        "plan", str(GRID), "--store", str(tmp_path), "--runner", "venv",
    )  # fmt: skip
    while not handles_signals(running):
        time.sleep(0.001)
    running.send_signal(signal.SIGHUP)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == Exit.OK, output


def test_a_reader_that_leaves_ends_a_run_quietly(tmp_path: Path) -> None:
    words = [sys.executable, SCRIPT, "none", "run", GRID, "--store", tmp_path, "--runner", "venv"]
    command = shlex.join(map(str, words))
    done = subprocess.run(
        ["/bin/sh", "-c", f"({command} --only simulate; echo $? >&2) | head -1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stderr.strip() == str(int(Exit.PIPE))
    assert len(done.stdout.splitlines()) == 1
    require_sound(tmp_path)
