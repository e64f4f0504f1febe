"""Stages that try what a container allows, and end in every way there is."""

import ctypes
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from stagekit import Reporter, Request, StageError

CGROUP_FILES = (
    "memory.max",
    "memory/memory.limit_in_bytes",
    "pids.max",
    "pids/pids.max",
    "cpu.max",
    "cpu/cpu.cfs_quota_us",
)


def look(request: Request, reporter: Reporter) -> None:
    """Everything that a stage could reach, as metrics."""
    print("this goes to the log")
    reporter.progress(1, 2, "look")
    reporter.note("halfway")
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    groups = Path("/sys/fs/cgroup")
    request.write_metrics(
        {
            "uid": os.getuid(),
            "gid": os.getgid(),
            "first_process": Path("/proc/1/comm").read_text().strip(),
            "capabilities": status["CapEff"].strip(),
            "bounding": status["CapBnd"].strip(),
            "no_new_privileges": status["NoNewPrivs"].strip(),
            "interfaces": sorted(name for _, name in socket.if_nameindex()),
            "reached": _reaches_network(),
            "writable": [path for path in _places(request) if _can_write(Path(path))],
            "limits": {
                name: (groups / name).read_text().strip()
                for name in CGROUP_FILES
                if (groups / name).exists()
            },
            "variables": dict(os.environ),
            "seen": {
                name: sorted(entry.name for entry in path.iterdir())
                for name, path in request.inputs.items()
            },
        }
    )


def _places(request: Request) -> list[str]:
    folders = [request.outputs, request.scratch, request.cache, *request.inputs.values()]
    return [*map(str, folders), "/", "/tmp", "/etc", "/opt/worker", "/job", "/usr", "/dev/shm"]


def _can_write(folder: Path) -> bool:
    try:
        (folder / ".probe").touch()
        (folder / ".probe").unlink()
    except OSError:
        return False
    return True


def _reaches_network() -> bool:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=2).close()
    except OSError as error:
        return error.errno is None  # a time-out: there was a route
    return True


def hog(request: Request, reporter: Reporter) -> None:
    """Takes memory until something stops it."""
    held = []
    while True:
        held.append(b"x" * (16 << 20))


def hog_in_child(request: Request, reporter: Reporter) -> None:
    """As `hog`, but only a child dies of it, and the stage fails in order."""
    code = "held = []\nwhile True: held.append(b'x' * (16 << 20))"
    if subprocess.run([sys.executable, "-c", code], check=False).returncode:
        raise StageError("the child died", "look at it")


def fork(request: Request, reporter: Reporter) -> None:
    """Starts processes until it is refused; says how many it got."""
    children = []
    try:
        for _ in range(10_000):
            children.append(subprocess.Popen(["sleep", "60"]))
    except OSError as error:
        request.write_metrics({"children": len(children), "errno": error.errno})
    for child in children:
        child.kill()


def sleep(request: Request, reporter: Reporter) -> None:
    """Does nothing for a long time."""
    reporter.note("asleep")
    time.sleep(600)


def crash(request: Request, reporter: Reporter) -> None:
    """Dies of a memory access fault."""
    ctypes.string_at(0)


def leave(request: Request, reporter: Reporter) -> None:
    """Ends without a result."""
    print("the last words", file=sys.stderr)
    os._exit(3)


def flood(request: Request, reporter: Reporter) -> None:
    """Prints much to both streams at once."""
    for number in range(2000):
        reporter.progress(number + 1, 2000, "line")
        os.write(2, b"x" * 5000 + b"\n")
    request.write_metrics({"lines": 2000})


def write(request: Request, reporter: Reporter) -> None:
    """Leaves a file and a folder."""
    (request.outputs / "folder").mkdir()
    (request.outputs / "folder" / "file").write_text("kept\n")
    (request.cache / "entry").write_text("cached\n")
    request.write_metrics({})
