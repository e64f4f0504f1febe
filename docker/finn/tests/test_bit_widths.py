"""Weights for which FINN+'s smallest type is none that its RTL takes: built, and bit-exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelerators import Bench
from compile_stage import Outcome, compile_export
from quantized_mlp import QuantizedMLP

rng = np.random.default_rng(0)
SHAPE = (16, 16)
# Weights, and the bits of their type. What lets least of the image through comes last.
WEIGHTS = {
    "-4..3": (np.clip(rng.integers(-9, 9, SHAPE), -4, 3), 4),
    "-2..1": (rng.integers(-2, 2, SHAPE), 3),
    "-1..1": (rng.integers(-1, 2, SHAPE), 2),
    "all positive": (rng.integers(1, 8, SHAPE), 4),
    "none negative": (rng.integers(0, 2, SHAPE), 2),
    "all -1": (np.full(SHAPE, -1), 2),
    "all 3": (np.full(SHAPE, 3), 3),
    "all 0": (np.zeros(SHAPE), 2),
}


def layers_of(folder: Path, *names: str) -> tuple[QuantizedMLP, Path, Outcome]:
    """A network with a layer of each kind, its export, and what it compiles to."""
    network = QuantizedMLP((16, *[16] * len(names)), weight_bits=4, act_bits=4)
    for index, name in enumerate(names):
        network.set_weights(index, WEIGHTS[name][0])
    export = network.export(folder / "export")
    return network, export, compile_export(folder / "run", export, folding=[[4, 4]] * len(names))


def bits(compiled: Outcome) -> list[int]:
    layers = [layer for layer in compiled.metrics["simulated"]["layers"] if layer["mw"]]
    assert all(layer["accumulator_bits"] >= 1 for layer in layers)
    return [layer["weight_bits"] for layer in layers]


@pytest.mark.parametrize("names", [[*WEIGHTS][:-1], ["-4..3", "all 0", "all positive"]])
def test_layers_are_built_with_the_fewest_bits_that_rtl_takes_and_are_exact(
    tmp_path: Path, names: list[str]
) -> None:
    network, export, compiled = layers_of(tmp_path, *names)
    assert bits(compiled) == [WEIGHTS[name][1] for name in names]
    _, metrics, _ = Bench(network, tmp_path, export, compiled.outputs).run("simulate")
    assert metrics["bit_exact"]


@pytest.mark.parametrize("name", ["all positive", "all 0"])
def test_such_a_layer_may_be_the_first_and_the_last(tmp_path: Path, name: str) -> None:
    _, _, compiled = layers_of(tmp_path, name, "-1..1", name)
    assert bits(compiled) == [WEIGHTS[name][1], 2, WEIGHTS[name][1]]
