"""What `bench doctor` finds out; the tools are scripts made up here."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

import pytest

from bench.session import diagnosis as doctor
from bench.session.diagnosis import GIB, Finding

AddTool = Callable[[str, str], Path]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddTool:
    """Puts a shell script on a search path that is empty otherwise."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name: str, script: str) -> Path:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return add


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 10, 14), "warning"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok"), ((2, 12, 0), "warning")],
)
def test_python(version: tuple[int, int, int], status: str) -> None:
    finding = doctor.python_version(version)
    assert finding.status == status
    assert finding.found == ".".join(map(str, version))
    assert bool(finding.remedy) == (status != "ok")


def test_compiler(tool: AddTool) -> None:
    missing = doctor.compiler()
    assert missing.status == "missing"
    assert "g++" in missing.remedy
    tool("clang++", "echo clang 15; echo more")
    assert doctor.compiler() == Finding("C++ compiler", "ok", "clang 15")
    tool("g++", "echo g++ 12")
    assert doctor.compiler().found == "g++ 12"


def test_a_tool_that_fails_counts_as_missing(tool: AddTool) -> None:
    tool("make", "echo broken; exit 1")
    assert doctor.make().status == "missing"
    tool("make", "echo GNU Make")
    assert doctor.make() == Finding("make", "ok", "GNU Make")


def test_disk_space(tmp_path: Path) -> None:
    store = tmp_path / "not" / "there" / "yet"
    assert doctor.disk_space(store, needed_bytes=1).status == "ok"
    too_little = doctor.disk_space(store, needed_bytes=10**18)
    assert too_little.status == "warning"
    assert "1000000000.0 GB" in too_little.costs
    assert not store.exists()


def test_writable_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert doctor.store_writable(store).status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_store_that_is_a_file(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_text("in the way")
    finding = doctor.store_writable(store)
    assert finding.status == "warning"
    assert finding.costs
    assert finding.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_store(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    finding = doctor.store_writable(tmp_path / "store")
    assert finding.status == "warning"
    assert "--store" in finding.remedy


def test_memory() -> None:
    assert "3 job(s)" in doctor.memory(23 * GIB, 6 * GIB).found
    too_little = doctor.memory(6 * GIB - 1, 6 * GIB)
    assert too_little.status == "warning"
    assert "6 GiB" in too_little.costs


@pytest.mark.parametrize("limit", ["max\n", None])
def test_memory_without_a_limit(tmp_path: Path, limit: str | None) -> None:
    path = tmp_path / "memory.max"
    if limit is not None:
        path.write_text(limit)
    assert doctor.memory_bytes(path) > GIB // 4


def test_memory_limit_of_a_container(tmp_path: Path) -> None:
    path = tmp_path / "memory.max"
    path.write_text(f"{GIB // 8}\n")
    assert doctor.memory_bytes(path) == GIB // 8


class Engine(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class EngineHandler(BaseHTTPRequestHandler):
    """As much of a container engine as is asked for its version."""

    def do_GET(self) -> None:
        answer = b"OK" if self.path.endswith("/_ping") else b'{"Version":"9.9","ApiVersion":"1.41"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def engine_socket(plain_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = plain_path / "engine.sock"  # of a socket's path, a hundred characters count
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    return path


@pytest.fixture
def running_engine(engine_socket: Path) -> Iterator[None]:
    with Engine(str(engine_socket), EngineHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("running_engine")
def test_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "obstacle", lambda: "")
    assert doctor.container_engine() == Finding("container engine", "ok", "Docker Engine 9.9")
    monkeypatch.setattr(doctor, "obstacle", lambda: "a tool is missing")
    finding = doctor.container_engine()
    assert finding.status == "warning"
    assert finding.found == "Docker Engine 9.9, but a tool is missing"
    assert "--runner venv" in finding.costs


@pytest.mark.usefixtures("engine_socket")
def test_no_engine() -> None:
    finding = doctor.container_engine()
    assert finding.status == "missing"
    assert "--runner venv" in finding.costs
    assert "dockerd" in finding.remedy


def test_engine_hangs(engine_socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ENGINE_SECONDS", 0.1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(engine_socket))
        silent.listen()
        finding = doctor.container_engine()
    assert finding.status == "missing"
    assert "does not answer in time" in finding.found


def test_data_sources(tool: AddTool, tmp_path: Path) -> None:
    npm, apt = doctor.data_sources({})
    assert (npm.status, apt.status) == ("missing", "missing")
    assert "BENCH_DATA" in npm.remedy
    tool("npm", "")
    tool("apt-get", "")
    npm, apt = doctor.data_sources({})
    assert (npm.status, apt.status) == ("ok", "missing")
    assert "dpkg-deb" in apt.found
    assert "apt-get and" not in apt.found
    tool("dpkg-deb", "")
    assert doctor.data_sources({})[1].status == "ok"


def test_data_folder(tmp_path: Path) -> None:
    assert doctor.data_sources({"BENCH_DATA": str(tmp_path)})[0].status == "ok"
    wrong = doctor.data_sources({"BENCH_DATA": str(tmp_path / "nowhere")})[0]
    assert wrong.status == "warning"
    assert "nowhere" in wrong.found


def test_no_vivado(tool: AddTool) -> None:
    assert doctor.vivado({}).status == "missing"
    tool("vivado", "")
    on_path = doctor.vivado({})
    assert on_path.status == "warning"
    assert "settings64.sh" in on_path.remedy


@pytest.mark.parametrize(
    ("folder", "status", "says"),
    [
        ("Vivado/2022.2", "ok", "2022.2 in "),
        ("2024.2/Vivado", "ok", "2024.2 in "),
        ("Vivado/2023.1", "warning", "is Vivado 2023.1; FINN+ supports 2022.2 and 2024.2"),
        ("Vivado/2025.1.1", "warning", "is Vivado 2025.1.1; FINN+ supports"),
        ("vivado", "warning", "of unknown version"),
        ("a b/2022.2", "warning", "cannot work with ' ' in a path"),
    ],
)
def test_the_doctor_says_of_a_vivado_what_a_run_says(
    plain_path: Path, folder: str, status: str, says: str
) -> None:
    program = plain_path / folder / "bin" / "vivado"
    program.parent.mkdir(parents=True)
    program.touch()
    variables = {"XILINX_VIVADO": str(plain_path / folder)}
    finding = doctor.vivado(variables)
    assert (finding.status, says in finding.found) == (status, True)
    assert bool(finding.costs and finding.remedy) == (status != "ok")


def test_vivado_folder_without_vivado(tmp_path: Path) -> None:
    finding = doctor.vivado({"XILINX_VIVADO": str(tmp_path)})
    assert finding.status == "warning"
    assert "no bin/vivado" in finding.found


def test_gpu(tool: AddTool) -> None:
    assert doctor.gpu().status == "missing"
    tool("nvidia-smi", "echo 'NVIDIA T4, 15360 MiB'")
    assert "NVIDIA T4" in doctor.gpu().found


@pytest.mark.usefixtures("engine_socket", "tool")
def test_examine_explains_whatever_is_not_in_order(tmp_path: Path) -> None:
    findings = doctor.examine(tmp_path / "store", disk_bytes=10**18)
    by_name = {finding.name: finding for finding in findings}
    assert len(by_name) == len(findings)
    assert by_name["C++ compiler"].status == "missing"
    assert by_name["disk"].status == "warning"
    for finding in findings:
        assert finding.found
        assert bool(finding.costs) == (finding.status != "ok")
