"""What cannot be simulated as it is built is refused by the name of its layer."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finn.util.basic import getHWCustomOp
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from accelerators import Bench, compile_network
from compile_stage import Outcome
from finn_worker.rtl import lut_core, standins
from finn_worker.rtl.checks import ATTRIBUTES, check_nodes
from finn_worker.rtl.standins import STANDINS
from finn_worker.rtl.top import top_module
from finn_worker.simulator_build import build, gather
from stagekit import StageError


@pytest.fixture
def model(compiled: Outcome) -> ModelWrapper:
    return ModelWrapper(str(compiled.outputs / "dataflow.onnx"))


def layer_of(model: ModelWrapper, kind: str) -> Any:
    return getHWCustomOp(next(node for node in model.graph.node if node.op_type == kind))


def check(model: ModelWrapper) -> None:
    check_nodes(model, list(model.graph.node))


def test_an_ordinary_graph_is_accepted(model: ModelWrapper) -> None:
    check(model)


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        ("MVAU_rtl", "mem_mode", "external"),
        ("MVAU_rtl", "mem_mode", "internal_embedded"),
        ("MVAU_rtl", "mem_mode", "dynamic"),
        ("MVAU_rtl", "runtime_writeable_weights", 1),
        ("MVAU_rtl", "pumpedMemory", 1),
        ("MVAU_rtl", "pumpedCompute", 1),
        ("MVAU_rtl", "mlo_max_iter", 2),
        ("MVAU_rtl", "bodies", 2),
        ("MVAU_rtl", "TH", 2),
        ("MVAU_rtl", "noActivation", 0),
        ("MVAU_rtl", "binaryXnorMode", 1),
        ("MVAU_rtl", "ram_style", "ultra"),
        ("Thresholding_rtl", "runtime_writeable_weights", 1),
        ("Thresholding_rtl", "mlo_max_iter", 2),
        ("Thresholding_rtl", "bodies", 2),
    ],
)
def test_an_attribute_that_the_bundle_does_not_serve_is_named(
    model: ModelWrapper, kind: str, attribute: str, value: Any
) -> None:
    layer = layer_of(model, kind)
    layer.set_nodeattr(attribute, value)
    expected = f"'{layer.onnx_node.name}' has {attribute} = {value}, which is not simulated"
    with pytest.raises(StageError, match=expected) as caught:
        check(model)
    assert attribute in caught.value.remedy


def test_every_attribute_of_the_table_is_one_of_finns(model: ModelWrapper) -> None:
    kinds = {node.op_type for node in model.graph.node}
    known = {name for kind in kinds for name in layer_of(model, kind).get_nodeattr_types()}
    # Of layers that no chain of fully connected ones has
    assert set(ATTRIBUTES) - known <= {"dynamic_mode", "depth_monitor"}


@pytest.mark.parametrize(
    ("kind", "attribute", "datatype", "what"),
    [
        ("MVAU_rtl", "inputDataType", "BIPOLAR", "inputs of BIPOLAR"),
        ("MVAU_rtl", "outputDataType", "FLOAT32", "outputs of FLOAT32"),
        ("MVAU_rtl", "weightDataType", "BIPOLAR", "weights of BIPOLAR"),
        ("MVAU_rtl", "weightDataType", "UINT4", "weights of UINT4; the MVAU in RTL takes"),
        ("MVAU_rtl", "weightDataType", "FIXED<8,4>", "weights of FIXED<8,4>"),
        ("Thresholding_rtl", "outputDataType", "BIPOLAR", "outputs of BIPOLAR"),
        ("Thresholding_rtl", "inputDataType", "FLOAT32", "inputs of FLOAT32"),
        ("Thresholding_rtl", "inputDataType", "SCALEDINT<8>", "inputs of SCALEDINT<8>"),
    ],
)
def test_a_datatype_that_is_no_integer_is_named(
    model: ModelWrapper, kind: str, attribute: str, datatype: str, what: str
) -> None:
    layer = layer_of(model, kind)
    layer.set_nodeattr(attribute, datatype)
    with pytest.raises(StageError, match=f"'{layer.onnx_node.name}' has {re.escape(what)}"):
        check(model)


@pytest.mark.parametrize("datatype", ["INT9", "UINT9"])
def test_inputs_that_are_no_bytes_are_refused(model: ModelWrapper, datatype: str) -> None:
    getHWCustomOp(model.graph.node[0]).set_nodeattr("inputDataType", datatype)
    with pytest.raises(StageError, match=f"takes {datatype}; images are bytes"):
        check(model)


def test_outputs_wider_than_the_testbench_writes_are_refused(model: ModelWrapper) -> None:
    assert DataType["INT65"].bitwidth() == 65
    getHWCustomOp(model.graph.node[-1]).set_nodeattr("outputDataType", "INT65")
    with pytest.raises(StageError, match="gives INT65, of more than 64 bits"):
        check(model)


def test_weights_from_outside_are_refused(model: ModelWrapper) -> None:
    node = layer_of(model, "MVAU_rtl").onnx_node
    node.input[1] = "from outside"
    with pytest.raises(StageError, match=f"weights of layer '{node.name}' come from outside"):
        check(model)


def altered(outputs: Path, folder: Path, wrapper: str, parameter: str, value: str) -> Path:
    """A copy of a bundle in which one parameter of a wrapper is another."""
    shutil.copytree(outputs, folder)
    file = folder / "rtl" / "nodes" / wrapper
    text, count = re.subn(
        rf"(parameter\s+{parameter}\s*=\s*)[^,/\n]+", rf"\g<1>{value}", file.read_text()
    )
    assert count == 1
    file.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("wrapper", "parameter", "value", "text", "way_round"),
    [
        ("MVAU_rtl_1_wrapper.v", "WEIGHT_WIDTH", "17", "weights of 17 bits", True),
        ("MVAU_rtl_1_wrapper.v", "ACTIVATION_WIDTH", "17", "activations of 17 bits", True),
        ("MVAU_rtl_1_wrapper.v", "VERSION", "3", "DSP slices of version 3", False),
        ("MVAU_rtl_1_wrapper.v", "PUMPED_COMPUTE", "1", "pumped DSP slices", False),
        ("MVAU_rtl_1_wrapper.v", "ACCU_WIDTH", "49", "sums of 49 bits", False),
        ("MVAU_rtl_1_memstream_wrapper.v", "SETS", "2", "2 sets of weights", False),
        ("MVAU_rtl_1_memstream_wrapper.v", "PUMPED_MEMORY", "1", "pumped weights", False),
        ("MVAU_rtl_1_memstream_wrapper.v", "INIT_FILE", '""', "weights without contents", False),
        ("Thresholding_rtl_1.v", "SETS", "2", "2 sets of thresholds", False),
        ("Thresholding_rtl_1.v", "FPARG ", "1", "floating-point thresholds", True),
        ("Thresholding_rtl_1.v", "USE_AXILITE", "1", "thresholds that are written", True),
        ("Thresholding_rtl_1.v", "N", "65536", "65,536 thresholds per channel", True),
        ("Thresholding_rtl_1.v", "WT", "65", "thresholds of 65 bits", True),
    ],
)
def test_a_layer_beyond_a_stand_in_is_refused_before_anything_is_built(
    compiled: Outcome,
    tmp_path: Path,
    wrapper: str,
    parameter: str,
    value: str,
    text: str,
    way_round: bool,
) -> None:
    bundle = altered(compiled.outputs, tmp_path / "bundle", wrapper, parameter, value)
    design = json.loads((bundle / "design.json").read_text())
    layer = re.match(r"[A-Za-z]+_rtl_\d+", wrapper)
    assert layer is not None
    assert not standins.all_proven(bundle, design)
    with pytest.raises(StageError, match=f"'{layer.group()}' has {text}") as caught:
        gather(bundle)
    depths = [2] * len(design["streams"])
    if way_round:
        assert "--exact" in caught.value.remedy
        gather(bundle, depths, exact=True)
    else:
        assert "--exact" not in caught.value.remedy
        with pytest.raises(StageError, match=text):
            gather(bundle, depths, exact=True)


def test_every_limit_is_read_from_what_finn_generates(compiled: Outcome) -> None:
    design = json.loads((compiled.outputs / "design.json").read_text())
    assert standins.all_proven(compiled.outputs, design)
    sources = [source for node in design["nodes"] for source in node["sources"]]
    texts = [(compiled.outputs / "rtl" / source).read_text() for source in sources]
    texts += [lut_core.wrapped(text) for text in texts if "\nmvu_vvu_axi #" in text]
    for standin in STANDINS.values():
        assert any(f"{standin.module} #" in text for text in texts)


def test_a_wrapper_that_does_not_say_what_is_asked_is_an_error(
    compiled: Outcome, tmp_path: Path
) -> None:
    bundle = altered(compiled.outputs, tmp_path / "b", "Thresholding_rtl_1.v", "SETS", "SOME")
    with pytest.raises(StageError, match="does not say its SETS"):
        gather(bundle)


@pytest.mark.parametrize(
    ("kind", "of", "port"),
    [("tied_low", "weights", "s_axilite_ARVALID"), ("left_open", "weights", "s_axilite_RDATA")],
)
def test_a_port_that_is_left_out_ends_the_build(
    compiled: Outcome, tmp_path: Path, kind: str, of: str, port: str
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(compiled.outputs, bundle)
    design = json.loads((bundle / "design.json").read_text())
    design["nodes"][0][of][kind].remove(port)
    (bundle / "design.json").write_text(json.dumps(design))
    with pytest.raises(StageError, match=f"(?s)PINMISSING.*'{port}'"):
        build(gather(bundle), tmp_path / "cache", tmp_path, 1)


def test_a_stream_of_another_width_than_its_layer_ends_the_build(
    compiled: Outcome, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(compiled.outputs, bundle)
    design = json.loads((bundle / "design.json").read_text())
    design["streams"][1]["width_bits"] += 8
    (bundle / "design.json").write_text(json.dumps(design))
    assert top_module(design)
    with pytest.raises(StageError, match=r"(?s)%Error-WIDTH.*top\.sv"):
        build(gather(bundle), tmp_path / "cache", tmp_path, 1)


def test_weights_of_17_bits_are_right_with_finns_own_modules(tmp_path: Path) -> None:
    bench: Bench = compile_network(tmp_path, (8, 4, 4), [[2, 4], [2, 2]], weight_bits=17)
    with pytest.raises(StageError, match="'MVAU_rtl_0' has weights of 17 bits"):
        bench.run("fast")
    _, metrics, _ = bench.run("exact", exact=True)
    assert metrics["bit_exact"]
    assert metrics["ii_simulated"] == metrics["ii_estimated"]


def test_weights_and_activations_of_many_bits_are_right(tmp_path: Path) -> None:
    bench = compile_network(tmp_path, (8, 4, 4), [[2, 4], [2, 2]], weight_bits=16)
    outputs, metrics, _ = bench.run("fast")
    assert metrics["bit_exact"]
    with np.load(outputs / "predictions.npz") as found:
        np.testing.assert_array_equal(found["predictions"], bench.mlp.logits.argmax(axis=1))
