"""Boards: where an accelerator is pushed, run and timed, over SSH."""
