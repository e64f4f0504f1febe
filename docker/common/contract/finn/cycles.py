"""How many cycles an image takes, as far as the specs tell."""

from __future__ import annotations

from contract.stage import Specs

HERTZ_PER_MHZ = 1e6


def cycles_per_image(specs: Specs) -> float:
    """Of the slowest layer; those asked for where FINN+ is to find the folding."""
    build, train = specs.get("compile"), specs.get("train")
    if build is None or train is None:
        return 0.0
    if build["folding"] is None:
        return HERTZ_PER_MHZ * float(build["clock_mhz"]) / float(build["target_fps"])
    return 0.0
