"""The process that runs Yosys: it loads the cell library once, and forks for each module.

So a module that takes too much memory or time ends a process of its own, and the next one starts
without loading anything. Requests and answers are lines of JSON on standard input and output. The
argument is the library of primitives.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

RESULT = "result.json"
LOG = "log.txt"
ERROR = "error.txt"
CELLS = "cells.json"
NETLIST = "netlist.v"
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer requests until standard input closes."""
    answers = os.fdopen(os.dup(1), "w")
    # Whatever Yosys prints while the library loads must not look like an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    # Its own files lie in the folder of the request, too.
    os.environ["TMPDIR"] = "."

    import pyosys  # noqa: F401, PLC0415  # It says where its library is, and libyosys reads that.

    sys._pyosys_share_dirname = f"{sys.argv[1]}/"  # type: ignore[attr-defined]
    from pyosys import libyosys  # noqa: PLC0415

    from finn_worker.mapping import recipe  # noqa: PLC0415

    design = libyosys.Design()
    recipe.load_library(design)
    xilinx = Path(sys._pyosys_share_dirname) / "xilinx"  # type: ignore[attr-defined]
    library = [(xilinx / name).read_text() for name in ("cells_sim.v", "cells_xtra.v")]
    boxes = recipe.black_boxes(library)
    # Else what is left of it would begin each module's log.
    ctypes.CDLL(None).fflush(None)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(request, boxes, design)
        print(json.dumps(_watch(pid)), file=answers, flush=True)


def _watch(pid: int) -> dict[str, Any]:
    """Wait for the process, and end what it has started: how it ended, seconds and bytes."""
    start = time.monotonic()
    _, status, used = os.wait4(pid, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * 1024,
    }


def _child(request: dict[str, Any], boxes: str, design: Any) -> None:
    """Map one module in the folder of the request; never returns."""
    status = 1
    try:
        os.setsid()
        _end_with_parent()
        os.chdir(request["folder"])
        log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # Seconds of a processor: what Yosys manages does not depend on what else runs.
        resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"]))
        resource.setrlimit(resource.RLIMIT_DATA, (request["memory"], request["memory"]))
        _map(request, boxes, design)
        status = 0
    except BaseException:
        Path(ERROR).write_text(traceback.format_exc(), encoding="utf-8")
    finally:
        ctypes.CDLL(None).fflush(None)  # Yosys' own output, which Python knows nothing of
        os._exit(status)


def _end_with_parent() -> None:
    """In a session of its own, nothing else would end it where its parent is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _map(request: dict[str, Any], boxes: str, design: Any) -> None:
    from finn_worker.mapping import recipe  # noqa: PLC0415

    Path("black_boxes.v").write_text(boxes, encoding="utf-8")
    recipe.synthesize(
        design,
        family=request["family"],
        uram=request["uram"],
        whole=request["whole"],
        top=request["top"],
        files=["black_boxes.v", *request["files"]],
        parameters=request["parameters"],
    )
    design.run_pass(f"select {request['top']}")
    design.run_pass(f"write_json -selected {CELLS}")
    design.run_pass(f"write_verilog -noattr -selected {NETLIST}")


if __name__ == "__main__":
    main()
