"""Layers of an exported network are found among those of the hardware graph by their weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper

from finn_worker import declared
from stagekit import StageError

FINN = "finn.custom_op.fpgadataflow"
Floats = npt.NDArray[np.float64]


@dataclass
class Graph:
    """A graph of layers with weights: each takes the output of another, or the input."""

    nodes: list[Any]
    weights: dict[str, Floats]
    shapes: dict[str, list[int]]

    def model(self) -> ModelWrapper:
        tensors = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in self.shapes.items()
        ]
        graph = helper.make_graph(self.nodes, "graph", tensors[:1], tensors[-1:], [])
        graph.value_info.extend(tensors[1:-1])
        model = ModelWrapper(helper.make_model(graph))
        for name, values in self.weights.items():
            model.set_initializer(name, values.astype(np.float32))
        return model


def exported(convs: list[tuple[str, str, Floats]], matmul: Floats | None = None) -> ModelWrapper:
    """Convolutions of 4x4 images, each (name, what it takes, weights [O, I, k, k]).

    Args:
        convs: "in" is the network's input.
        matmul: Weights [inputs, outputs] of a layer behind the last one and a Flatten.
    """
    graph = Graph([], {}, {"in": [1, convs[0][2].shape[1], 4, 4]})
    for name, takes, weights in convs:
        pad = weights.shape[2] // 2
        node = helper.make_node(
            "Conv", [takes, f"w_{name}"], [name], name=name, pads=[pad] * 4,
            kernel_shape=list(weights.shape[2:]),
        )  # fmt: skip
        graph.nodes.append(node)
        graph.weights[f"w_{name}"] = weights
        graph.shapes[name] = [1, len(weights), 4, 4]
    if matmul is not None:
        last = convs[-1][0]
        graph.nodes.append(helper.make_node("Flatten", [last], ["flat"], name="flatten"))
        graph.nodes.append(helper.make_node("MatMul", ["flat", "w_fc"], ["fc"], name="fc"))
        graph.weights["w_fc"] = matmul
        graph.shapes |= {"flat": [1, len(matmul)], "fc": [1, matmul.shape[1]]}
    return graph.model()


def hardware(layers: list[tuple[str, str, Floats, int]]) -> ModelWrapper:
    """MVAUs, each (name, what it takes, weights [MW, MH], pixels)."""
    graph = Graph([], {}, {"in": [1, 4, 4, layers[0][2].shape[0]]})
    users = Counter(takes for _, takes, *_ in layers)
    for name, taken, weights, pixels in layers:
        takes = taken
        if users[taken] > 1:
            takes = f"{taken}_{name}"
            forks = [node for node in graph.nodes if list(node.input) == [taken]]
            if not forks:
                forks = [helper.make_node("DuplicateStreams", [taken], [], domain=FINN)]
                graph.nodes += forks
            forks[0].output.append(takes)
        node = helper.make_node("MVAU", [takes, f"w_{name}"], [name], name=name, domain=FINN)
        vectors = helper.make_attribute("numInputVectors", [1] if pixels == 1 else [1, 4, 4])
        node.attribute.append(vectors)
        graph.nodes.append(node)
        graph.weights[f"w_{name}"] = weights
        graph.shapes[name] = [1, 4, 4, weights.shape[1]]
    return graph.model()


def random(*shape: int, bits: int = 4, seed: int = 0) -> Floats:
    """Whole numbers, as weights are."""
    rng = np.random.default_rng([seed, *shape])
    if bits == 1:
        return rng.choice([-1.0, 1.0], shape)
    most = 2 ** (bits - 1) - 1
    return rng.integers(-most, most + 1, shape).astype(float)


def scaled(weights: Floats) -> Floats:
    """As they are exported: each output with a scale of its own."""
    scales = np.random.default_rng(len(weights)).uniform(0.01, 0.2, len(weights))
    return weights * scales.reshape(-1, *[1] * (weights.ndim - 1))


def lowered(weights: Floats) -> Floats:
    """[MW, MH] of a convolution's weights, with the signs of some outputs turned."""
    signs = np.random.default_rng(weights.size).choice([-1, 1], len(weights))
    return (np.moveaxis(weights, 1, -1).reshape(len(weights), -1) * signs[:, np.newaxis]).T


STEM = random(4, 3, 3, 3)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("shortcut_first", [False, True])
@pytest.mark.parametrize("shortcut_first_in_hardware", [False, True])
def test_a_projected_shortcut_is_found_in_either_order(
    bits: int, shortcut_first: bool, shortcut_first_in_hardware: bool
) -> None:
    weights = {
        "stem": STEM,
        "branch": random(4, 4, 3, 3, bits=bits),
        "shortcut": random(4, 4, 3, 3, bits=bits, seed=1),
    }
    names = ["stem", *(["shortcut", "branch"] if shortcut_first else ["branch", "shortcut"])]
    swapped = shortcut_first_in_hardware
    order = ["stem", *(["shortcut", "branch"] if swapped else ["branch", "shortcut"])]
    export = exported(
        [(name, "in" if name == "stem" else "stem", scaled(weights[name])) for name in names]
    )
    design = hardware(
        [
            (f"MVAU_{n}", "in" if n == 0 else "MVAU_0", lowered(weights[name]), 16)
            for n, name in enumerate(order)
        ]
    )
    assert declared.order(export, design) == [f"MVAU_{order.index(name)}" for name in names]


@pytest.mark.parametrize("bits", [1, 4])
def test_a_layer_behind_a_flatten_takes_pixels_in_another_order(bits: int) -> None:
    """Two such layers, in the other order in hardware; weights are [outputs, channel, pixel]."""
    first, second = (random(6, 4, 16, bits=bits, seed=seed) for seed in (0, 1))
    export = exported([("stem", "in", STEM)], scaled(first).reshape(6, -1).T)
    export.graph.node.append(helper.make_node("MatMul", ["flat", "w2"], ["fc2"], name="fc2"))
    export.set_initializer("w2", scaled(second).reshape(6, -1).T.astype(np.float32))
    export.set_tensor_shape("fc2", [1, 6])
    turned = [-layer.swapaxes(1, 2).reshape(6, -1).T for layer in (second, first)]
    design = hardware(
        [
            ("MVAU_0", "in", lowered(STEM), 16),
            ("MVAU_1", "MVAU_0", turned[0], 1),
            ("MVAU_2", "MVAU_0", turned[1], 1),
        ]
    )
    assert declared.order(export, design) == ["MVAU_0", "MVAU_2", "MVAU_1"]


def test_equal_layers_one_behind_the_other_keep_their_order() -> None:
    same = random(4, 4, 3, 3)
    aside = random(4, 4, 3, 3, seed=2)
    convs = [("stem", "in", STEM), ("a", "stem", same), ("b", "a", 2 * same), ("c", "stem", aside)]
    export = exported(convs)
    design = hardware(
        [
            ("MVAU_0", "in", lowered(STEM), 16),
            ("MVAU_1", "MVAU_0", lowered(aside), 16),
            ("MVAU_2", "MVAU_0", lowered(same), 16),
            ("MVAU_3", "MVAU_2", lowered(same), 16),
        ]
    )
    assert declared.order(export, design) == ["MVAU_0", "MVAU_2", "MVAU_3", "MVAU_1"]


def test_equal_layers_beside_each_other_are_not_told_apart() -> None:
    same = random(4, 4, 3, 3)
    export = exported([("stem", "in", STEM), ("a", "stem", same), ("b", "stem", same)])
    design = hardware(
        [
            ("MVAU_0", "in", lowered(STEM), 16),
            ("MVAU_1", "MVAU_0", lowered(same), 16),
            ("MVAU_2", "MVAU_0", lowered(same), 16),
        ]
    )
    with pytest.raises(StageError) as caught:
        declared.order(export, design)
    assert "which of MVAU_1, MVAU_2 is which of the network's Conv_1, Conv_2" in caught.value.what
    assert "MVAU_0 and so on" in caught.value.remedy


def test_other_weights_are_not_taken_for_the_same() -> None:
    branch, shortcut = random(4, 4, 3, 3), random(4, 4, 3, 3, seed=1)
    export = exported([("stem", "in", STEM), ("a", "stem", branch), ("b", "stem", shortcut)])
    changed = branch.copy()
    changed[0, 0, 0, 0] += 1
    design = hardware(
        [
            ("MVAU_0", "in", lowered(STEM), 16),
            ("MVAU_1", "MVAU_0", lowered(changed), 16),
            ("MVAU_2", "MVAU_0", lowered(shortcut), 16),
        ]
    )
    with pytest.raises(StageError, match="others than in hardware"):
        declared.order(export, design)


def test_graphs_of_other_layers_are_both_listed() -> None:
    export = exported([("stem", "in", STEM)])
    design = hardware([("MVAU_0", "in", lowered(STEM), 16), ("MVAU_1", "MVAU_0", random(4, 2), 16)])
    with pytest.raises(StageError) as caught:
        declared.order(export, design)
    assert "Conv_0 (27 x 4)" in caught.value.what
    assert "MVAU_0 (27 x 4), MVAU_1 (4 x 2)" in caught.value.what
