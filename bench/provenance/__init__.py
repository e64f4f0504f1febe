"""From a number back to everything behind it, for people and as an RO-Crate."""

from bench.provenance.chain import Step, chain, chains, checkout_of
from bench.provenance.crate import METADATA, write_crate
from bench.provenance.rerun import caveats, rerun
from bench.provenance.show import line, show_steps

__all__ = [
    "METADATA",
    "Step",
    "caveats",
    "chain",
    "chains",
    "checkout_of",
    "line",
    "rerun",
    "show_steps",
    "write_crate",
]
