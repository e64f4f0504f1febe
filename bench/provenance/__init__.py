"""From a number back to everything behind it, for people and as an RO-Crate."""

from bench.pipeline import Step
from bench.provenance.chain import as_json, caveats, checkout_of, rerun
from bench.provenance.crate import METADATA, write_crate
from bench.provenance.show import show_steps

__all__ = [
    "METADATA",
    "Step",
    "as_json",
    "caveats",
    "checkout_of",
    "rerun",
    "show_steps",
    "write_crate",
]
