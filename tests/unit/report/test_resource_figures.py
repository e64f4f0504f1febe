"""Figures of resources: shares and numbers by the source that judges, and only its caveats."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench.report.figures import Figure
from bench.report.figures.pareto import pareto_figures
from bench.report.figures.resources import resource_figures
from bench.report.material import Material
from bench.results import columns, names

ROW: dict[str, Any] = dict.fromkeys(names(columns()))
PART = {"lut_scope": "part", "lut_uncharged": "4 MVAU_rtl"}
MAPPED = {"lut_mapped": 1744, "bram18_mapped": 28, "dsp_mapped": 12, "fits_by": "mapped"}
LIMITS = {"a part": {"lut": 53_200, "bram18": 280, "dsp": 220}}


def design(folding: str, accuracy: float, interval: float, taken: float, **more: Any) -> Any:
    row = ROW | {
        "network": "TFC", "dataset": "MNIST", "weight_bits": 4, "act_bits": 4, "seed": 1,
        "board": "Pynq-Z1", "part": "a part", "folding": folding, "clock_mhz": 100.0,
        "status": "done", "experiment": f"w4-{folding}", "accuracy": accuracy, "fits": True,
        "fits_by": "estimated", "lut": 575, "bram18": 19, "dsp": 12, "ii_simulated": interval,
        "ii_estimated": interval, "part_taken": taken,
    }  # fmt: skip
    return row | more


def material(*rows: dict[str, Any]) -> Material:
    frame = pd.DataFrame(rows, columns=list(ROW)).convert_dtypes()
    return Material("g", frame, frame.head(0), limits=LIMITS)


def pareto(*rows: dict[str, Any]) -> Figure:
    (figure,) = pareto_figures(material(*rows))
    return figure


def test_the_front_weighs_the_share_that_fits_is_judged_by() -> None:
    """The flip-flops and the shell count, of which the numbers of each resource know nothing."""
    figure = pareto(
        design("low", 0.97, 64.0, 0.18, **MAPPED), design("max", 0.97, 64.0, 0.17, **MAPPED)
    )
    assert figure.data is not None
    assert list(figure.data["taken"]) == [0.18, 0.17]
    assert list(figure.data["front"]) == [False, True]
    assert "1 point of 2 on the front" in figure.seen
    assert "17% of the part" in figure.seen
    assert "shell's reserve" in figure.seen
    assert "mapped (part_taken" in figure.source


@pytest.mark.parametrize("figures", [pareto_figures, resource_figures])
@pytest.mark.parametrize(("better", "told"), [({}, True), (MAPPED, False)])
def test_estimates_that_are_a_part_are_told_of_where_they_are_shown(
    figures: Any, better: dict[str, Any], told: bool
) -> None:
    (figure,) = figures(material(design("low", 0.97, 64.0, 0.2, **PART, **better)))
    assert ("LUT of 1 design is a part" in figure.seen) == told
    assert ("hollow" in figure.seen) == (told and figures is resource_figures)


def test_the_share_by_the_search_is_no_part() -> None:
    figure = pareto(design("fastest", 0.97, 64.0, 0.6, **PART, searched_for="fastest within 85%"))
    assert "is a part" not in figure.seen
