"""Boards: where an accelerator is pushed, run and timed, over SSH."""

MEASURED_ON = "emulated-board"
"""What the emulated board's numbers are called; a real board's are called `board`."""
