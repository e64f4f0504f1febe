"""The compile stage's parts on their own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from finn.util.basic import part_map, pynq_part_map
from finn.util.platforms import platforms
from qonnx.core.datatype import DataType
from qonnx.transformation.infer_shapes import InferShapes

from contract.finn import parts
from finn_worker import estimates, packing
from finn_worker.postprocess import Postprocess
from finn_worker.verification import Golden, Verifier, execute
from quantized_mlp import QuantizedMLP
from stagekit import StageError

FIRST_LAYER_INPUT_BITS = 8


@pytest.mark.parametrize(("bits", "slices"), [(2, 326), (4, 448), (8, 496)])
def test_instantiated_dsps_equal_those_of_the_synthesised_netlist(bits: int, slices: int) -> None:
    """Yosys found so many DSP48E1 in the RTL of TFC 784-64-64-64-10."""
    folding = [(16, 49), (8, 8), (8, 8), (10, 8)]
    found = 0
    for index, (pe, simd) in enumerate(folding):
        input_bits = bits if index else FIRST_LAYER_INPUT_BITS
        mvau = {"pe": pe, "simd": simd, "weight_bits": bits, "input_bits": input_bits}
        found += estimates.instantiated_dsps(mvau, narrow=True, dsp_block="DSP48E1")
    assert found == slices


def test_more_dsps_instantiated_than_estimated_do_not_fit() -> None:
    needed = {"lut": 0, "bram18": 0, "dsp": 100, "uram": 0, "dsp_instantiated": 221}
    has = {"lut": 1, "bram18": 1, "dsp": 220, "uram": 0}
    assert not estimates.fits(needed, has)
    assert estimates.fits(needed | {"dsp_instantiated": 220}, has)


BOARDS = (
    "AUP-ZU3_8GB", "KV260_SOM", "Pynq-Z1", "Pynq-Z2", "RFSoC2x2", "RFSoC4x2", "Ultra96",
    "Ultra96-V2", "ZCU102", "ZCU104", "ZCU111",
)  # fmt: skip


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_resources(board: str) -> None:
    has = estimates.available(board, part_map[board])
    assert set(has) == set(estimates.RESOURCES)
    assert min(has["lut"], has["bram18"], has["dsp"]) > 0


def test_the_contract_has_the_boards_and_the_resources_of_finn() -> None:
    assert pynq_part_map == parts.BOARDS
    of_finn = platforms["Pynq-Z1"]().resource_count_dict.values()
    has = parts.resources_of(parts.BOARDS["Pynq-Z1"])
    assert has is not None
    for name, of in (("lut", "LUT"), ("bram18", "BRAM_18K"), ("dsp", "DSP"), ("uram", "URAM")):
        assert has[name] == sum(die[of] for die in of_finn)


def test_a_die_has_what_vivado_reports() -> None:
    """FINN's table has 230,000 LUTs and 610 block RAMs of 18 kbit of an xczu7ev."""
    has = estimates.available("ZCU104", "xczu7ev-ffvc1156-2-e")
    assert has == {"lut": 230_400, "bram18": 624, "dsp": 1728, "uram": 96}


def test_the_same_die_has_the_same_resources() -> None:
    """Both carry an xczu3eg, of which FINN has a table under one name only."""
    one, other = (estimates.available(name, part_map[name]) for name in ("Ultra96", "Ultra96-V2"))
    assert one == other


def test_unknown_board_and_wrong_part() -> None:
    with pytest.raises(StageError, match="no resources of a board 'Pynq-Z9'"):
        estimates.available("Pynq-Z9", "xc7z020clg400-1")
    with pytest.raises(StageError, match="carries the part"):
        estimates.available("KV260_SOM", "xc7z020clg400-1")


def test_batch_and_single_images_give_the_same_logits() -> None:
    network = QuantizedMLP()
    model = network.to_qonnx().transform(InferShapes())
    images = network.images.astype(np.float32)
    together = execute(model, images)
    one_by_one = np.concatenate([execute(model, image[np.newaxis]) for image in images])
    np.testing.assert_allclose(together, one_by_one, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(together, network.logits, rtol=1e-4, atol=1e-4)


def test_host_scales_and_shifts_each_class() -> None:
    host = Postprocess(np.array([0.5, -2.0], np.float32), np.array([1.0, 0.25], np.float32))
    outputs = np.array([[4, -3], [0, 1]], np.float32)
    assert host(outputs).tolist() == [[3.0, 6.25], [1.0, -1.75]]


def verifier_for(network: QuantizedMLP, logits: npt.NDArray[np.float64]) -> Verifier:
    """One that takes `logits` for what torch computed."""
    images = network.images.astype(np.float32)
    return Verifier(Golden(images, logits.astype(np.float32), logits.argmax(axis=1)))


def test_one_activation_on_a_rounding_boundary_is_no_disagreement() -> None:
    network = QuantizedMLP()
    logits = network.logits.copy()
    logits[0] += 0.01 * np.ptp(logits)
    verifier = verifier_for(network, logits)
    verifier.close("streamline", network.to_qonnx().transform(InferShapes()))
    assert verifier.steps == [{"step": "streamline", "images": 20, "agreeing": 20}]


def test_every_logit_slightly_off_is_a_disagreement() -> None:
    network = QuantizedMLP()
    verifier = verifier_for(network, network.logits * 1.01)
    with pytest.raises(StageError, match="'streamline'"):
        verifier.close("streamline", network.to_qonnx().transform(InferShapes()))


def test_one_changed_prediction_is_a_disagreement() -> None:
    network = QuantizedMLP()
    logits = network.logits.copy()
    logits[3] = -logits[3]
    verifier = verifier_for(network, logits)
    with pytest.raises(StageError, match="number 3"):
        verifier.close("streamline", network.to_qonnx().transform(InferShapes()))


@pytest.mark.parametrize(
    "name", ["INT2", "INT3", "INT8", "UINT1", "UINT4", "UINT7", "INT17", "BINARY", "BIPOLAR"]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_memory_words_are_the_ones_that_finn_packs(name: str, reverse: bool) -> None:
    datatype, rng = DataType[name], np.random.default_rng(1)
    for count in (1, 7, 64):
        values = rng.integers(int(datatype.min()), int(datatype.max()) + 1, count)
        values[0] = datatype.min()
        values[-1] = datatype.max()
        if name == "BIPOLAR":
            values[values == 0] = 1
        bits = -(-count * datatype.bitwidth() // 4) * 4
        for width in (bits, bits + 8):
            found = packing.array2hexstring(values, datatype, width, "0x", reverse)
            assert found == packing._finns_own(values, datatype, width, "0x", reverse)


@pytest.mark.parametrize(("values", "width"), [([4], 8), ([-5], 8), ([0.5], 8), ([1, 1, 1], 4)])
def test_memory_words_refuse_what_finn_refuses(values: list[float], width: int) -> None:
    for pack in (packing.array2hexstring, packing._finns_own):
        with pytest.raises(Exception, match=r"not permitted|greater than"):
            pack(np.array(values, np.float32), DataType["INT3"], width)
