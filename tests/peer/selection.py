"""Which of FINN+'s tests are run here, and why the others are not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from mutants import MUTANTS

Parameters = Mapping[str, Any]

# The tests that simulate RTL; the others of these files execute layers in Python or in C++.
TESTS = {
    "test_fpgadataflow_rtl_mvau",
    "test_fpgadataflow_rtl_dynamic_mvau",
    "test_fpgadataflow_thresholding",
    "test_fpgadataflow_slidingwindow",
    "test_fpgadataflow_swg_depthwise_slow_producer_deadlock",
    "test_fpgadataflow_swg_depthwise_slow_producer_deadlock_wide",
    "test_fpgadataflow_fmpadding",
    "test_fpgadataflow_dwc",
    "test_fpgadataflow_dwc_stitched_rtlsim",
}
# What is run where not all is: every test that finds a mutant, and some of each layer.
SAMPLE = {
    *(mutant.killer for mutant in MUTANTS),
    "test_fpgadataflow_slidingwindow[False-1-0-0-2-rtlsim-dilation0-stride0-2-ifm_dim0-k1-idt0]",
    "test_fpgadataflow_slidingwindow[False-1-0-1-1-rtlsim-dilation0-stride1-2-ifm_dim0-k0-idt1]",
    "test_fpgadataflow_slidingwindow[False-1-1-0-2-rtlsim-dilation0-stride0-2-ifm_dim1-k2-idt0]",
    "test_fpgadataflow_swg_depthwise_slow_producer_deadlock[k1-bursty]",
    "test_fpgadataflow_fmpadding[rtlsim-idt0-1-2-pad2-idim1]",
    "test_fpgadataflow_fmpadding[rtlsim-idt1-2-4-pad3-idim0]",
    "test_fpgadataflow_dwc[rtl-rtlsim-non-integer-ratio-down]",
    "test_fpgadataflow_dwc[rtl-rtlsim-deserialize-24to48]",
    "test_fpgadataflow_dwc_stitched_rtlsim[rtl-config1]",
}


# Parameters that choose what is simulated, and what they have to be for RTL.
RTL = {"exec_mode": "rtlsim", "mode": "rtlsim", "impl_style": "rtl"}


def _floats(parameters: Parameters) -> bool:
    return "idt_tdt_cfg" in parameters and parameters["idt_tdt_cfg"][0].name.startswith("FLOAT")


# Why a case of RTL is not run, and what it is known by.
REASONS: tuple[tuple[str, Callable[[Parameters], bool]], ...] = (
    ("for Versal FPGAs", lambda parameters: str(parameters.get("part", "")).startswith("xcvc")),
    ("tiled, for Versal FPGAs", lambda p: p.get("pe_simd_th_mem", (1, 1, 1))[2] > 1),
    ("with a second clock", lambda p: bool(p.get("pumpedMemory") or p.get("pumpedCompute"))),
    ("with floating-point inputs", _floats),
)


def narrowed(marks: Sequence[pytest.Mark]) -> list[pytest.Mark]:
    """A test's marks without the parameters of cases that are not RTL.

    Most of FINN+'s cases are not: to leave them out afterwards takes longer than to run the sample.
    """
    return [
        pytest.mark.parametrize(mark.args[0], [RTL[mark.args[0]]]).mark
        if mark.name == "parametrize" and mark.args[0] in RTL
        else mark
        for mark in marks
    ]


def cases(marks: Sequence[pytest.Mark]) -> int:
    """How many cases a test with these marks has."""
    return math.prod(len(mark.args[1]) for mark in marks if mark.name == "parametrize")


def reason_against(parameters: Parameters) -> str | None:
    """Why a case of RTL is never run here; None if it can be."""
    return next((reason for reason, holds in REASONS if holds(parameters)), None)
