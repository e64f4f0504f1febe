"""How an inspection is shown: in 80 columns, without colours, with every answer in words."""

from __future__ import annotations

import io
from typing import Any

import pytest
from inspections import MATRIX, cannot_be, design, metrics

from bench.console.terminal import Terminal
from bench.flows.finn.inspected import show


def shown(found: dict[str, Any], width: int = 80) -> str:
    file = io.StringIO()
    show(found, Terminal(file=file, width=width))
    text = file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    return text


def row(text: str, start: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(start)).split()


def test_one_design_is_shown_layer_by_layer() -> None:
    text = shown(metrics(design()))
    assert row(text, "layer") == [
        "layer", "in", "PE", "SIMD", "cycles", "LUT", "BRAM18", "DSP"
    ]  # fmt: skip
    assert row(text, "MVAU_0") == [
        "MVAU_0", "<-", "slowest", "HLS", "2/64", "8/576-", "28,901,376", "1,197", "0", "0"
    ]  # fmt: skip
    assert "INT2 x INT2, to 28x28x64" in text
    assert row(text, "Pool_0") == ["Pool_0", "HLS*", "4/4", "50,176", "0", "0", "0"]
    assert row(text, "total")[1:] == ["1,197", "0", "0"]
    assert row(text, "xc7z020")[1:] == ["53,200", "280", "220"]


def test_what_is_on_the_host_is_said_twice() -> None:
    text = shown(metrics(design()))
    assert row(text, "Transpose") == ["Transpose", "host"]
    assert row(text, "Mul") == ["Mul", "host"]
    lines = text.splitlines()
    order = [next(n for n, line in enumerate(lines) if word in line) for word in
             ("Transpose", "MVAU_0", "Pool_0", "Mul")]  # fmt: skip
    assert order == sorted(order), "in the order in which data pass them"
    assert "In hardware: 2 layers (1 MVAU, 1 Pool)." in text
    assert "Left to the host's processor: Transpose before, Mul after them." in text


def test_a_core_of_luts_is_named() -> None:
    found = design()
    found["layers"][0]["core"] = "lut"
    text = shown(metrics(found))
    assert row(text, "MVAU_0")[3] == "LUT"
    text = " ".join(text.split())
    assert "LUT: bench's own core of LUTs is simulated; for the board, FINN+ would build" in text
    assert "HLS: what FINN+ would build" not in text


def test_every_sign_is_explained() -> None:
    text = " ".join(shown(metrics(design())).split())
    assert "64- is any but 64 itself, which loses results" in text
    assert "HLS*: FINN+ has no RTL of it" in text
    assert "HLS: what FINN+ would build" in text
    assert "FINN+ estimates no LUT for 1 Pool_hls: the total is without." in text
    assert "Resources: FINN+'s estimates, without FIFOs between layers" in text
    assert "3.46 images/s at 100 MHz on Pynq-Z1" in text
    assert "smallest and slowest folding" in text
    assert "smallest and slowest folding" not in shown(metrics(design("low")))


def searched(**changes: Any) -> dict[str, Any]:
    """A design of the exact search, whose model knows no width converter by itself."""
    found = design("fastest", by="model", uncharged={}, **changes)
    converter = found["layers"][1]
    converter |= dict.fromkeys(("lut", "bram18", "dsp", "uram"))
    own = {"between": {"lut": 33, "ff": 5}, "reserve": {"lut": 7571, "bram18": 3, "dsp": 2}}
    return found | {**own, "needed": {"lut": 1230, "ff": 50, "bram18": 0, "dsp": 0}}


def test_a_design_that_was_searched_for_has_the_figures_that_found_it() -> None:
    text = shown(metrics(searched()))
    assert row(text, "between them") == ["between", "them", "33", "0", "0"]
    assert row(text, "total") == ["total", "1,230", "0", "0"]
    assert row(text, "the shell")[-3:] == ["7,571", "3", "2"]
    converter = row(shown(metrics(searched()), 120), "StreamingDataWidthConverter_rtl_0")
    assert converter[1:] == ["RTL", "0"]
    text = " ".join(text.split())
    assert "Resources: by the cost model of the search, FIFOs" in text
    assert "estimates" not in text


def test_sources_of_figures_are_told_apart() -> None:
    text = " ".join(shown(metrics(design("low"), searched())).split())
    assert "Resources of low: FINN+'s estimates" in text
    assert "Resources of fastest: by the cost model" in text


def test_values_that_are_no_divisors_are_listed() -> None:
    odd = {**MATRIX, "pe": [1, 64]}
    assert "2/1 64" in shown({**metrics(design()), "layers": [odd]})


def test_a_design_that_does_not_fit_says_so() -> None:
    assert "It does not fit xc7z020clg400-1." in shown(metrics(design(fits=False)))


def test_several_designs_are_rows_and_those_that_cannot_be_have_reasons() -> None:
    odd = cannot_be("odd", "PE 3 does not divide 64.")
    text = shown(metrics(design("low"), design("max", fits=False), odd))
    assert row(text, "low") == [
        "low", "Pynq-Z1", "MVAU_0", "28,901,376", "3.46", "1,197", "0", "0", "yes"
    ]  # fmt: skip
    assert row(text, "max ")[-1] == "NO"
    assert row(text, "odd")[:4] == ["odd", "Pynq-Z1", "cannot", "be"]
    assert "odd cannot be: PE 3 does not divide 64." in text
    assert row(text, "MVAU_0")[1:] == ["HLS", "64", "576-"]


def test_where_no_design_can_be_the_layers_are_shown_nevertheless() -> None:
    text = shown(metrics(cannot_be("odd", "PE 3 does not divide 64.")))
    assert row(text, "MVAU_0")[1:] == ["64", "576-"]
    assert row(text, "odd")[:4] == ["odd", "Pynq-Z1", "cannot", "be"]
    assert "PE 3 does not" not in text  # the command says it once, as the reason of its failure


def test_a_reason_is_said_once_of_several_boards() -> None:
    odd = cannot_be("odd", "PE 3 does not divide 64.")
    there, large = {**odd, "board": "ZCU104"}, cannot_be("large", "Too large.")
    text = shown(metrics(design(), odd, there, large), 200)
    assert "odd on Pynq-Z1 and ZCU104 cannot be: PE 3 does not divide 64." in text
    assert "large on Pynq-Z1 cannot be: Too large." in text


@pytest.mark.parametrize("width", [60, 200])
def test_other_widths(width: int) -> None:
    assert "MVAU_0" in shown(metrics(design(), design("low")), width)


def test_a_design_that_does_not_fit_has_boards_that_it_would() -> None:
    needed = {"lut": 61_000, "bram18": 0, "dsp": 0, "uram": 0, "dsp_instantiated": 300}
    wide, huge = design("max", fits=False, needed=needed), design("maxest", fits=False)
    huge["needed"] = {**needed, "dsp_instantiated": 10_000}
    text = " ".join(shown(metrics(wide)).split())
    assert "It does not fit xc7z020clg400-1. By the same figures, it would fit AUP-ZU3_" in text
    text = " ".join(shown(metrics(design("low"), wide, {**wide, "board": "Pynq-Z2"}, huge)).split())
    assert "By the same figures, max would fit AUP-ZU3_8GB and 8 more boards." in text
    assert "By the same figures, maxest would fit none of the 11 boards known here." in text
    assert "low would fit" not in text
