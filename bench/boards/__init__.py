"""Boards: push, run and time an accelerator, over SSH."""

from bench.words import Origin

MEASURED_ON = str(Origin.EMULATED_BOARD)
"""The origin of the emulated board's numbers; a real board's is `board`."""
