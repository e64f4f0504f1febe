"""Columns of the FINN+ flow, a module for each stage; importing them registers them."""

from bench.flows.finn.columns import (  # noqa: F401
    compiled,
    mapped,
    searched,
    simulated,
    sized,
    synthesized,
)
