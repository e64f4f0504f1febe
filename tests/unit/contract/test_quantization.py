"""What the numbers in images stand for, and what shape a network is given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contract.stages.dataset import PIXELS, Quantization, resized


@pytest.mark.parametrize(
    ("datatype", "bounds"),
    [
        ("BIPOLAR", (-1, 1)),
        ("BINARY", (0, 1)),
        ("UINT2", (0, 3)),
        ("UINT8", (0, 255)),
        ("INT2", (-2, 1)),
        ("INT8", (-128, 127)),
    ],
)
def test_the_numbers_of_a_datatype(datatype: str, bounds: tuple[int, int]) -> None:
    quantization = Quantization(datatype=datatype, zero_point=bounds[1])
    assert quantization.bounds == bounds
    assert quantization.signed == (bounds[0] < 0)
    assert Quantization.from_json(json.loads(json.dumps(quantization.to_json()))) == quantization


def test_pixels_stand_for_0_to_1() -> None:
    assert PIXELS.to_json() == {"datatype": "UINT8", "scale": 1 / 255, "zero_point": 0}


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"datatype": "FLOAT32"}, "the datatype is 'FLOAT32', not BIPOLAR"),
        ({"datatype": "UINT9"}, "'UINT9'"),
        ({"datatype": "INT1"}, "'INT1'"),
        ({"scale": 0.0}, "the scale is 0.0, no number above 0"),
        ({"scale": float("inf")}, "the scale is inf"),
        ({"scale": 1}, "the scale is 1, no number"),
        ({"zero_point": 256}, "the zero point is 256, and UINT8 has no such"),
        ({"zero_point": 0.5}, "the zero point is 0.5"),
        ({"step": 1}, "is no quantization"),
        (3, "is no quantization"),
    ],
)
def test_what_is_no_quantization(wrong: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Quantization.from_json(wrong)


@pytest.mark.parametrize(
    ("shape", "image_size", "wanted"),
    [
        ((3, 28, 40), 32, (3, 32, 32)),
        ((3, 28, 40), 0, (3, 28, 40)),
        ((600, 1, 1), 32, (600, 1, 1)),
        ((1, 1, 5), 32, (1, 32, 32)),
    ],
)
def test_what_a_network_is_given(
    shape: tuple[int, int, int], image_size: int, wanted: tuple[int, int, int]
) -> None:
    assert resized(shape, image_size) == wanted
