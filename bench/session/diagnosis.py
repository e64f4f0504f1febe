"""What this machine has and lacks, and the consequences; shown by `bench doctor`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from bench.console.text import memory_text, size_text
from bench.datasets.fetching.folder import VARIABLE as DATA_VARIABLE
from bench.errors import EnvironmentFailure, store_error
from bench.images.base import VARIABLE as BASE_VARIABLE
from bench.images.base import obstacle
from bench.images.engine import version as engine_version
from bench.runners.vivado import VARIABLE as VIVADO_VARIABLE
from bench.runners.vivado import find_vivado, require_plain
from bench.system.files import check_writable, existing
from contract import compiler as rule
from contract.stage import GIB

GB = 1_000_000_000
PYTHON_NEEDED = (3, 11)
TOOL_SECONDS = 10.0
ENGINE = "container engine"
ENGINE_SECONDS = 3
CGROUP_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
WITHOUT_VIVADO = (
    "No bitstream: everything up to the cycle-accurate simulation runs, "
    "resources are mapped by open synthesis, and measurements come from the emulated board."
)

Status = Literal["ok", "missing", "warning"]


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes:
        name: Of what was checked.
        status: `warning`: it is there, but does not suffice.
        found: What there is, e.g. a version.
        costs: What does not work, or not as well.
        remedy: What to do about it.
    """

    name: str
    status: Status
    found: str
    costs: str = ""
    remedy: str = ""


def examine(
    store: Path, disk_bytes: int = 5 * GB, job_memory_bytes: int = 6 * GIB
) -> list[Finding]:
    """Check everything, in a few seconds at most; changes nothing.

    Args:
        store: The artifact store, which may not exist yet.
        disk_bytes: Needed for the environments and the store.
        job_memory_bytes: Needed for a stage.
    """
    return [
        python_version(sys.version_info[:3]),
        compiler(),
        make(),
        disk_space(store, disk_bytes),
        store_writable(store),
        memory(memory_bytes(), job_memory_bytes),
        Finding("processors", "ok", str(len(os.sched_getaffinity(0)))),
        container_engine(),
        *data_sources(os.environ),
        vivado(os.environ),
        gpu(),
    ]


def python_version(version: tuple[int, int, int]) -> Finding:
    """Whether the interpreter of `version` is new enough."""
    found, needed = ".".join(map(str, version)), ".".join(map(str, PYTHON_NEEDED))
    if version[:2] >= PYTHON_NEEDED:
        return Finding("Python", "ok", found)
    costs = f"Nothing works: {needed} or newer is needed."
    remedy = f"Install Python {needed} or newer, then run `make setup` again."
    return Finding("Python", "warning", found, costs, remedy)


def compiler() -> Finding:
    """The C++ compiler that builds the simulators."""
    name = "C++ compiler"
    command = rule.find_compiler()
    if command and (version := _first_line([*command, "--version"])):
        return Finding(name, "ok", version)
    costs = "No simulation without containers: Verilator's C++ cannot be compiled."
    return Finding(name, "missing", rule.describe_missing(), costs, rule.REMEDY)


def make() -> Finding:
    """The `make` that runs the Makefile, and that the finn environment needs."""
    if version := _first_line(["make", "--version"]):
        return Finding("make", "ok", version)
    costs = "No `make reproduce`, and no simulation without containers."
    remedy = "Install make (Debian, Ubuntu: `apt-get install make`)."
    return Finding("make", "missing", "no make", costs, remedy)


def disk_space(store: Path, needed_bytes: int) -> Finding:
    """Free space where `store` is or will be."""
    free = shutil.disk_usage(existing(store)).free
    found = f"{size_text(free)} free at {store}"
    if free >= needed_bytes:
        return Finding("disk", "ok", found)
    size = size_text(needed_bytes)
    costs = f"A run may stop before its end: environments and results take about {size}."
    remedy = "Free some space, or choose another place with --store."
    return Finding("disk", "warning", found, costs, remedy)


def store_writable(store: Path) -> Finding:
    """Whether files can be written where `store` is or will be."""
    try:
        check_writable(store)
    except OSError as error:
        explained = store_error(error, existing(store))
        costs = "Nothing can be kept, so no stage runs."
        return Finding("store", "warning", explained.what, costs, explained.remedy)
    return Finding("store", "ok", f"{store} is writable")


def memory_bytes(cgroup_limit: Path = CGROUP_MEMORY_LIMIT) -> int:
    """Memory of this machine, or of the container around this process if that is less."""
    total = int(psutil.virtual_memory().total)
    try:
        limit = cgroup_limit.read_text(encoding="ascii").strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdecimal() else total


def memory(total_bytes: int, per_job_bytes: int) -> Finding:
    """Whether the memory is enough for one stage, and for how many at a time."""
    total = memory_text(total_bytes)
    if jobs := total_bytes // per_job_bytes:
        return Finding("memory", "ok", f"{total}, enough for {jobs} job(s) at a time")
    costs = f"A stage may be killed: it takes up to {memory_text(per_job_bytes)}."
    remedy = "Close other programs, add swap, or use a larger machine."
    return Finding("memory", "warning", total, costs, remedy)


def container_engine() -> Finding:
    """Whether a container engine answers and can build images."""
    costs = "Stages run in virtual environments (--runner venv) instead of containers."
    try:
        version = engine_version(ENGINE_SECONDS)
        trouble = obstacle()
    except EnvironmentFailure as error:
        return Finding(ENGINE, "missing", error.what, costs, error.remedy)
    if trouble:
        remedy = f"Install it, or name a base image with {BASE_VARIABLE}."
        return Finding(ENGINE, "warning", f"Docker Engine {version}, but {trouble}", costs, remedy)
    return Finding(ENGINE, "ok", f"Docker Engine {version}")


def data_sources(environment: Mapping[str, str]) -> list[Finding]:
    """Sources of data sets besides their published places."""
    tools = [
        _data_tool("npm", ["npm"], "MNIST"),
        _data_tool("apt-get", ["apt-get", "dpkg-deb"], "Fashion-MNIST"),
    ]
    folder = environment.get(DATA_VARIABLE)
    if not folder:
        return tools
    name, found = "data folder", f"{DATA_VARIABLE}={folder}"
    if Path(folder).expanduser().is_dir():
        return [Finding(name, "ok", found), *tools]
    costs = "No data set is available: if a folder is named, it is the only source."
    remedy = f"Correct or unset {DATA_VARIABLE}."
    return [Finding(name, "warning", f"{found} is not a folder", costs, remedy), *tools]


def _data_tool(name: str, tools: Sequence[str], data: str) -> Finding:
    title = f"{name} (a source of data)"
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if not missing:
        return Finding(title, "ok", shutil.which(name) or name)
    costs = f"{data} comes only from its published places, or from a folder that you name."
    remedy = f"Nothing if the web is reachable; else set {DATA_VARIABLE} to a folder with the data."
    return Finding(title, "missing", f"no {' and no '.join(missing)}", costs, remedy)


def vivado(environment: Mapping[str, str]) -> Finding:
    """AMD's Vivado, as a run sees it: its sourced settings name it."""
    folder = environment.get(VIVADO_VARIABLE)
    remedy = "If you have Vivado, source its settings64.sh before you start bench."
    if not folder:
        if path := shutil.which("vivado"):
            found = f"{path}, but {VIVADO_VARIABLE} is not set"
            return Finding("Vivado", "warning", found, WITHOUT_VIVADO, remedy)
        return Finding("Vivado", "missing", f"{VIVADO_VARIABLE} is not set", WITHOUT_VIVADO, remedy)
    try:
        installed = find_vivado(environment)
        require_plain(*installed.folders)
    except EnvironmentFailure as error:  # as a run refuses it
        return Finding("Vivado", "warning", error.what, WITHOUT_VIVADO, error.remedy)
    return Finding("Vivado", "ok", f"{installed.version} in {folder}")


def gpu() -> Finding:
    """An NVIDIA GPU, which training uses."""
    name = _first_line(["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"])
    if name:
        return Finding("GPU", "ok", f"{name}; training uses it")
    return Finding("GPU", "missing", "none", "Nothing: training runs on the processor.")


def _first_line(command: Sequence[str]) -> str | None:
    """The first line that `command` prints; None if it is missing or fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TOOL_SECONDS,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.strip().splitlines()), None)
