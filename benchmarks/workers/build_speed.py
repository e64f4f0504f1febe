"""Seconds to build a simulator with an empty cache. Runs in the finn environment.

Usage: build_speed.py BUNDLE SCRATCH PROCESSES REPEATS [exact]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from finn_worker.rtl.top import MIN_DEPTH
from finn_worker.simulator_build import build, gather

bundle, scratch = Path(sys.argv[1]), Path(sys.argv[2])
processes, repeats = int(sys.argv[3]), int(sys.argv[4])
exact = sys.argv[5:] == ["exact"]
streams = json.loads((bundle / "design.json").read_text())["streams"]
sources = gather(bundle, [MIN_DEPTH] * len(streams) if exact else None, exact=exact)
seconds = []
for _ in range(repeats):
    with tempfile.TemporaryDirectory(dir=scratch) as cache:
        start = time.perf_counter()
        build(sources, Path(cache), scratch, processes)
        seconds.append(time.perf_counter() - start)
print(json.dumps(seconds))
