"""Boards: where an accelerator is pushed, run and timed, over SSH."""

from bench.words import Origin

MEASURED_ON = str(Origin.EMULATED_BOARD)
"""What the emulated board's numbers are called; a real board's are called `board`."""
