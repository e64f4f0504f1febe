"""What a folding chooses of layers by their names: honoured, or refused with what would do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_shapes import InferShapes

from accelerators import compile_cnn, dataflow_of
from compile_stage import SPEC
from contract.finn.compile import CompileSpec
from finn_worker import choice, folding, legal, steps
from finn_worker.folding import Fold
from quantized_cnn import OF_MANY_KINDS, Conv, Dense, MaxPool, QuantizedCNN
from stagekit import Infeasible, StageError

GENERATOR = "ConvolutionInputGenerator"
PAIRS = [Fold(2, 3), Fold(3, 2), Fold(2, 3)]


@pytest.fixture(scope="module")
def network() -> QuantizedCNN:
    return QuantizedCNN(OF_MANY_KINDS, (3, 10, 10), images_count=4)


@pytest.fixture(scope="module")
def dataflow(network: QuantizedCNN, tmp_path_factory: pytest.TempPathFactory) -> ModelWrapper:
    return dataflow_of(network.model, tmp_path_factory.mktemp("parts"))


def chosen(
    network: QuantizedCNN, dataflow: ModelWrapper, *options: Any, by_name: bool = False
) -> choice.Choice:
    asked = None if by_name else [[fold.pe, fold.simd] for fold in PAIRS]
    spec = CompileSpec(**SPEC | {"folding": asked, "options": options})
    exported = network.model.transform(InferShapes()).transform(GiveUniqueNodeNames())
    return choice.of_spec(spec, exported, dataflow)


def folded(dataflow: ModelWrapper, *options: Any) -> dict[str, dict[str, int]]:
    settings = {layer: {key: value} for layer, key, value in options}
    for layer, key, value in options:
        settings[layer][key] = value
    model = folding.apply(dataflow, PAIRS, settings)
    return {node.name: legal.folding(node) for node in model.graph.node}


def refused(dataflow: ModelWrapper, *options: Any) -> str:
    with pytest.raises(Infeasible) as caught:
        folded(dataflow, *options)
    return str(caught.value)


def test_layers_are_named_as_data_pass_them(dataflow: ModelWrapper) -> None:
    assert [node.name for node in dataflow.graph.node] == [
        f"{GENERATOR}_0", "MVAU_0", "Thresholding_0", f"{GENERATOR}_1", "Pool_0", "FMPadding_0",
        f"{GENERATOR}_2", "VVAU_0", "Thresholding_1", "MVAU_1", "Thresholding_2", "GlobalAccPool_0",
        "MVAU_2",
    ]  # fmt: skip


def test_every_layer_can_be_chosen(dataflow: ModelWrapper) -> None:
    options = [
        (f"{GENERATOR}_0", "SIMD", 1),
        ("Thresholding_0", "PE", 4),
        ("Pool_0", "PE", 4),
        ("FMPadding_0", "SIMD", 2),
        ("VVAU_0", "PE", 2),
        ("GlobalAccPool_0", "PE", 6),
    ]
    implied, found = folded(dataflow), folded(dataflow, *options)
    for layer, attribute, value in options:
        assert implied[layer][attribute] != value, layer
        assert found[layer][attribute] == value, layer
    # The generator of windows is as wide as the layer that takes them.
    assert (found[f"{GENERATOR}_1"]["SIMD"], found[f"{GENERATOR}_2"]["SIMD"]) == (4, 2)


def test_a_generator_decides_for_the_layer_of_its_windows(dataflow: ModelWrapper) -> None:
    found = folded(dataflow, (f"{GENERATOR}_1", "SIMD", 4), (f"{GENERATOR}_2", "SIMD", 2))
    assert (found["Pool_0"]["PE"], found["VVAU_0"]["PE"]) == (4, 2)


def test_whole_windows_take_all_channels(dataflow: ModelWrapper) -> None:
    found = folded(dataflow, (f"{GENERATOR}_0", "parallel_window", 1))
    assert found[f"{GENERATOR}_0"] == {"SIMD": 3, "parallel_window": 1}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([("FMPadding_0", "SIMD", 3)], "FMPadding_0: SIMD 3 does not divide; 1, 2, 4 would"),
        ([("GlobalAccPool_0", "PE", 4)], "GlobalAccPool_0: PE 4 does not divide; 1, 2, 3, 6 would"),
        ([("Pool_0", "PE", 8)], "Pool_0: PE 8 does not divide; 1, 2, 4 would"),
        ([("VVAU_0", "SIMD", 3)], "VVAU_0: SIMD 3 takes several pixels of a window at once"),
        ([(f"{GENERATOR}_1", "SIMD", 2), ("Pool_0", "PE", 4)],
         "Pool_0: PE 4 has to be the SIMD of ConvolutionInputGenerator_1, which is 2"),
        ([(f"{GENERATOR}_0", "SIMD", 1), (f"{GENERATOR}_0", "parallel_window", 1)],
         "takes all channels at once; SIMD 3 would do"),
        ([(f"{GENERATOR}_2", "parallel_window", 1)], "to a layer that takes one pixel at a time"),
        ([(f"{GENERATOR}_1", "parallel_window", 1)], "to a layer that takes one pixel at a time"),
    ],
)  # fmt: skip
def test_what_a_layer_cannot_have_is_refused(
    dataflow: ModelWrapper, options: list[Any], says: str
) -> None:
    assert says in refused(dataflow, *options)


def test_what_holds_for_a_kind_gives_way_to_what_holds_for_a_layer(
    network: QuantizedCNN, dataflow: ModelWrapper
) -> None:
    options = [("Thresholding_1", "PE", 1), ("Thresholding", "PE", 2), ("LabelSelect", "PE", 5)]
    found = chosen(network, dataflow, *options).settings
    assert [found[f"Thresholding_{n}"]["PE"] for n in range(3)] == [2, 1, 2]


def test_places_of_the_declaration_count_depthwise_layers(
    network: QuantizedCNN, dataflow: ModelWrapper
) -> None:
    options = [(2, "PE", 4), (3, "ram_style", "block")]
    found = chosen(network, dataflow, *options).settings
    assert (found["VVAU_0"], found["MVAU_1"]["ram_style"]) == ({"PE": 4}, "block")


def test_layers_may_be_folded_by_name_alone(network: QuantizedCNN, dataflow: ModelWrapper) -> None:
    by_name = [
        (f"MVAU_{n}", key, value)
        for n, fold in reversed(list(enumerate(PAIRS)))
        for key, value in (("PE", fold.pe), ("SIMD", fold.simd))
    ]
    assert chosen(network, dataflow, *by_name, by_name=True).folds == PAIRS
    with pytest.raises(StageError) as caught:
        chosen(network, dataflow, *by_name[2:], ("MVAU_7", "PE", 1), by_name=True)
    assert caught.value.what == (
        "The folding: MVAU_7 is no layer of the network; MVAU_2 without an entry."
    )
    assert "Layers: MVAU_0 (27 x 4), MVAU_1 (4 x 6), MVAU_2 (6 x 4)" in caught.value.remedy
    assert "VVAU_0" in caught.value.remedy


@pytest.mark.parametrize("channels", [1, 3])
def test_whole_windows_at_once_are_simulated_bit_exactly(tmp_path: Path, channels: int) -> None:
    """One generator gives 9 pixels at once to a layer that takes a third of them."""
    network = QuantizedCNN((Conv(channels=4), MaxPool(), Dense(4)), (channels, 8, 8))
    pairs = [[4, 3 * channels], [4, 18]]
    options = [(f"{GENERATOR}_0", "parallel_window", 1)]
    plain = json.loads(
        (compile_cnn(tmp_path / "plain", network, pairs).compiled / "metrics.json").read_text()
    )
    bench = compile_cnn(tmp_path / "whole", network, pairs, options=options)
    metrics = json.loads((bench.compiled / "metrics.json").read_text())
    assert (plain["ii_estimated"], metrics["ii_estimated"]) == (343, 109)
    for name, exact in (("fast", False), ("exact", True)):
        simulated = bench.run(name, exact=exact)[1]
        assert simulated["bit_exact"]
        assert simulated["ii_simulated"] <= 1.01 * metrics["ii_estimated"]


def test_a_generator_has_the_ports_of_one_pixel_whatever_its_m(dataflow: ModelWrapper) -> None:
    """Why M is refused: FINN+ writes Verilog for several pixels, but no wider streams."""
    specialized = steps.specialize_rtl(folding.apply(dataflow, PAIRS), SPEC["part"])
    layer = getCustomOp(specialized.get_nodes_by_op_type(f"{GENERATOR}_rtl")[0])
    before = layer.get_instream_width(), layer.get_outstream_width()
    layer.set_nodeattr("M", 2)
    assert (layer.get_instream_width(), layer.get_outstream_width()) == before
