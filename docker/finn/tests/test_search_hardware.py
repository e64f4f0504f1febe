"""The exact search on hardware graphs: what it counts is what FINN+ builds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from accelerators import dataflow_of
from brute_force import smallest
from finn_worker import estimates, folding, steps
from finn_worker.folding import Fold
from finn_worker.legal import kind_of, matrices, of_kind
from finn_worker.search import choose, costs, hardware
from finn_worker.search.exact import Exact
from finn_worker.search.part import SHELL, target_of
from finn_worker.search.problem import Problem
from finn_worker.search.transitions import steps_of
from quantized_cnn import OF_MANY_KINDS, Conv, Dense, QuantizedCNN, Residual
from quantized_mlp import QuantizedMLP

PART = "xc7z020clg400-1"
RESIDUAL = (
    Conv(channels=4),
    Residual((Conv(channels=4, pad=1), Conv(channels=4, pad=1))),
    Dense(4),
)


@pytest.fixture(scope="module", params=["mlp", "cnn", "residual"])
def dataflow(request: Any, tmp_path_factory: pytest.TempPathFactory) -> ModelWrapper:
    networks = {
        "mlp": lambda: QuantizedMLP((24, 6, 4), weight_bits=3).to_qonnx(),
        "cnn": lambda: QuantizedCNN(OF_MANY_KINDS, (3, 10, 10), images_count=1).model,
        "residual": lambda: QuantizedCNN(RESIDUAL, (2, 6, 6), images_count=1).model,
    }
    return dataflow_of(networks[request.param](), tmp_path_factory.mktemp("parts"))


def problem_of(dataflow: ModelWrapper) -> Problem:
    choices = hardware.Choices(cores=("dsp",), port=25)
    return hardware.problem_of(dataflow, costs.costs(), choices)


def test_what_is_found_takes_as_many_cycles_in_finn(dataflow: ModelWrapper) -> None:
    """Designs of many intervals are built: layers and width converters take what was counted."""
    problem = problem_of(dataflow)
    exact = Exact(steps_of(problem), target_of("Pynq-Z1", PART).has, SHELL)
    intervals = exact.intervals()
    for cycles in (intervals[0], *random.Random(1).sample(intervals, 3)):
        found = exact.least(cycles)
        assert found is not None
        settings = dict(choose.settings(problem, found))
        folds = [Fold(settings[m.name]["PE"], settings[m.name]["SIMD"]) for m in matrices(dataflow)]
        built = steps.specialize_rtl(folding.apply(dataflow, folds, settings), PART)
        assert max(map(estimates.cycles, built.graph.node)) == found.design.cycles
        converters = of_kind(built, "StreamingDataWidthConverter")
        assert len(converters) == _uneven(problem, found.design.options)


def _uneven(problem: Problem, options: tuple[int, ...]) -> int:
    """Streams of which the two ends were chosen to be of different widths."""
    chosen = [(la, la.options[o]) for la, o in zip(problem.layers, options, strict=True)]
    given = {name: option.given for layer, option in chosen for name in layer.outputs}
    taken = {name: option.taken for layer, option in chosen for name in layer.inputs}
    return sum(given[name] != taken[name] for name in given.keys() & taken.keys())


def test_no_folding_of_a_small_network_is_smaller(tmp_path: Path) -> None:
    """An independent brute force over all foldings and memories of a network of two layers."""
    dataflow = dataflow_of(QuantizedMLP((12, 6, 2), weight_bits=3).to_qonnx(), tmp_path)
    problem, has = problem_of(dataflow), target_of("Pynq-Z1", PART).has
    best, exact = smallest(problem, has, SHELL), Exact(steps_of(problem), has, SHELL)
    assert len(set(best.values())) > 2
    for cycles, size in best.items():
        found = exact.least(cycles)
        assert found is not None
        assert found.size[0] == pytest.approx(size, abs=1e-12)


def test_every_legal_folding_is_an_option(dataflow: ModelWrapper) -> None:
    for node, layer in zip(dataflow.graph.node, problem_of(dataflow).layers, strict=True):
        if kind_of(node) != "MVAU":
            continue
        inputs, outputs = (getCustomOp(node).get_nodeattr(name) for name in ("MW", "MH"))
        pairs = {(option.given, option.taken) for option in layer.options}
        assert pairs == {
            (pe, simd)
            for pe in range(1, outputs + 1)
            for simd in range(1, inputs)
            if outputs % pe == 0 and inputs % simd == 0
        }


def test_windows_are_taken_as_wide_as_they_are_given(dataflow: ModelWrapper) -> None:
    problem = problem_of(dataflow)
    for node in dataflow.graph.node:
        if kind_of(node) in {"Pool", "VVAU"}:
            producer = dataflow.find_producer(node.input[0])
            assert kind_of(producer) == "ConvolutionInputGenerator"
            assert problem.join(node.input[0], 2, 1) is None
            assert problem.join(node.input[0], 2, 2) is not None


def test_a_skip_path_has_a_deep_fifo(dataflow: ModelWrapper) -> None:
    """As deep as the windows of the branch beside it wait."""
    problem = problem_of(dataflow)
    forks = [node for node in dataflow.graph.node if kind_of(node) == "DuplicateStreams"]
    costs_of = [problem.join(name, 1, 1) for node in forks for name in node.output]
    skipped = [joint.cost[0] for joint in costs_of if joint is not None]
    assert len(skipped) in {0, 2}
    if skipped:
        assert max(skipped) > min(skipped)
