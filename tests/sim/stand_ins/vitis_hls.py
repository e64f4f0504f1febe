#!/usr/bin/env python3
"""Stands for Vitis HLS: leaves the folders in which FINN+ looks for an IP."""

import sys
from pathlib import Path

NODE = Path(sys.argv[1]).stem.removeprefix("hls_syn_")
(Path(f"project_{NODE}") / "sol1" / "impl" / "ip").mkdir(parents=True)
Path("vitis_hls.log").write_text(f"INFO: [HLS 200-10] pretending to build {NODE}\n")
