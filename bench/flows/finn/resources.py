"""What an FPGA has, as metrics and people call it."""

from __future__ import annotations

UNITS = {"lut": "LUT", "ff": "FF", "bram18": "BRAM18", "dsp": "DSP"}
REPORTED = {name: UNITS[name] for name in ("lut", "bram18", "dsp")}
"""Those that FINN estimates, and of which its reports of a synthesis tell."""
