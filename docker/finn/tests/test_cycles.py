"""Cycles that the host counts are those that FINN+ estimates."""

from __future__ import annotations

import itertools

import pytest
from onnx import helper
from qonnx.custom_op.registry import getCustomOp

from contract.finn.windows import Windows

SHAPES = [
    # image, kernel, stride
    ((32, 32), (5, 5), (1, 1)),
    ((18, 18), (3, 3), (1, 1)),
    ((34, 34), (3, 3), (2, 2)),
    ((12, 10), (2, 2), (2, 2)),
    ((9, 9), (3, 3), (3, 3)),
    ((8, 8), (1, 1), (2, 2)),
    ((7, 7), (7, 7), (1, 1)),
    ((1, 20), (1, 5), (1, 1)),
    ((1, 20), (1, 4), (1, 4)),
    ((20, 1), (3, 1), (2, 1)),
]


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize(("image", "kernel", "stride"), SHAPES)
def test_windows_take_as_long_as_finns_generator(
    image: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], depthwise: bool
) -> None:
    windows = Windows(image=image, kernel=kernel, stride=stride, channels=6, depthwise=depthwise)
    node = helper.make_node(
        "ConvolutionInputGenerator_rtl", ["a"], ["b"], domain="finn.custom_op.fpgadataflow.rtl",
        name="generator", ConvKernelDim=kernel, IFMChannels=6, IFMDim=image, OFMDim=windows.count,
        Stride=stride, Dilation=(1, 1), inputDataType="INT4", outputDataType="INT4",
        depthwise=int(depthwise),
    )  # fmt: skip
    layer = getCustomOp(node)
    for simd, parallel in itertools.product((1, 2, 3, 6), (False, True)):
        if parallel and simd < 6 and not depthwise and kernel != (1, 1):
            continue  # FINN+ has no such generator
        layer.set_nodeattr("SIMD", simd)
        layer.set_nodeattr("parallel_window", int(parallel))
        assert windows.cycles(simd, parallel=parallel) == layer.get_exp_cycles(), (simd, parallel)
