"""What a declared network is: shapes of its layers, and what is refused."""

from __future__ import annotations

import json

import pytest

from bench.networks import NETWORKS
from contract.architecture import (
    CLASSES,
    Architecture,
    ArchitectureError,
    AveragePool,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalAveragePool,
    HardTanh,
    Layer,
    LayerShape,
    Linear,
    MaxPool,
    ReLU,
    Residual,
    ScalePixels,
)
from contract.finn.folding import cycles

MIXED = Architecture(
    layers=(
        ScalePixels(),
        Conv2d(8, kernel=3, padding=1),
        BatchNorm(),
        ReLU(),
        MaxPool(kernel=2, stride=2),
        Residual(
            branch=(DepthwiseConv2d(kernel=3, stride=2, padding=1), HardTanh()),
            shortcut=(Conv2d(8, kernel=1, stride=2),),
        ),
        AveragePool(kernel=2),
        GlobalAveragePool(),
        Flatten(),
        Linear(5),
        Linear(CLASSES),
    ),
)


def test_layers_are_the_matrix_products_that_hardware_folds() -> None:
    assert MIXED.shapes((3, 16, 16), 10) == (
        LayerShape(27, 8, pixels=256, kernel=3, name="conv1", image=(18, 18), padding=1),
        LayerShape(9, 8, pixels=16, kernel=3, name="depthwise1", depthwise=True,
                   image=(10, 10), stride=2, padding=1, fork=1, residual=True),
        LayerShape(8, 8, pixels=16, name="conv2", image=(8, 8), stride=2, fork=1, residual=True),
        LayerShape(inputs=8, outputs=5, name="fc1"),
        LayerShape(inputs=5, outputs=10, name="fc2"),
    )  # fmt: skip
    assert (MIXED.weighted(), MIXED.activations()) == (5, 3)  # the sum's quantizer is one


def test_cycles_count_every_pixel() -> None:
    layer = LayerShape(inputs=27, outputs=8, pixels=256)
    assert cycles(layer, pe=4, simd=9) == 256 * 3 * 2


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("TFC", (1, 32, 32), [(1024, 64), (64, 64), (64, 64), (64, 10)]),
        ("TFC", (3, 16, 16), [(768, 64), (64, 64), (64, 64), (64, 10)]),
        ("SFC", (1, 28, 28), [(784, 256), (256, 256), (256, 256), (256, 10)]),
        ("LeNet5", (1, 32, 32), [(25, 6), (150, 16), (400, 120), (120, 84), (84, 10)]),
    ],
)
def test_our_networks_have_the_published_layers(
    name: str, image: tuple[int, ...], expected: list[tuple[int, int]]
) -> None:
    shapes = NETWORKS[name].architecture.shapes(image, 10)
    assert [(layer.inputs, layer.outputs) for layer in shapes] == expected


@pytest.mark.parametrize(
    ("name", "layers", "weights", "products"),
    [
        # Of the published networks, for 3x32x32 images and 10 classes.
        ("CNV", 9, 1_542_848, 59_461_376),
        ("VGG11", 9, 9_222_848, 152_769_536),
        ("VGG13", 11, 9_407_168, 228_267_008),
        ("VGG16", 14, 14_710_464 + 5_120, 313_201_664),
        ("VGG19", 17, 20_024_000, 398_136_320),
        ("MobileNetV1", 28, 3_195_328, 46_354_432),
        ("MobileNetV1-narrow", 28, 210_160, 3_331_072),
        ("ResNet8", 10, 77_360, 12_501_632),
        # One pixel in place of 6x6 copies of it, before the first fully connected layer.
        ("AlexNet", 8, 20_335_296, 45_928_128),
    ],
)
def test_our_networks_have_the_published_size(
    name: str, layers: int, weights: int, products: int
) -> None:
    shapes = NETWORKS[name].architecture.shapes((3, 32, 32), 10)
    assert len(shapes) == layers
    assert sum(layer.inputs * layer.outputs for layer in shapes) == weights
    assert sum(layer.inputs * layer.outputs * layer.pixels for layer in shapes) == products


def test_cnv_shrinks_an_image_to_one_pixel() -> None:
    shapes = NETWORKS["CNV"].architecture.shapes((3, 32, 32), 10)
    assert [layer.pixels for layer in shapes] == [900, 784, 144, 100, 9, 1, 1, 1, 1]


@pytest.mark.parametrize("architecture", [MIXED, *(n.architecture for n in NETWORKS.values())])
def test_a_declaration_survives_json(architecture: Architecture) -> None:
    text = json.dumps(architecture.to_json())
    assert Architecture.from_json(json.loads(text)) == architecture


@pytest.mark.parametrize(
    ("layers", "complaint"),
    [
        ((Linear(CLASSES),), "Linear takes features, not 1x8x8: put Flatten before"),
        ((Flatten(), Conv2d(4, kernel=3)), "Conv2d takes an image, not 64 features"),
        ((Conv2d(4, kernel=9), Flatten(), Linear(CLASSES)), "Conv2d: kernel 9 exceeds 1x8x8"),
        ((Residual(branch=(Conv2d(4, kernel=1),)),), "branch gives 4x8x8, its shortcut 1x8x8"),
        ((Flatten(), Linear(4)), "gives 4 features, not 10 logits"),
        ((), "gives 1x8x8, not 10 logits"),
    ],
)
def test_layers_that_do_not_fit(layers: tuple[Layer, ...], complaint: str) -> None:
    with pytest.raises(ArchitectureError, match=complaint):
        Architecture(layers=layers).shapes((1, 8, 8), 10)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kernel": 0}, "Conv2d: kernel is 0, not 1 or more"),
        ({"kernel": 3, "padding": -1}, "padding is -1, not 0 or more"),
        ({"kernel": True}, "kernel is True"),
        ({"kernel": 2.0}, r"kernel is 2\.0"),
    ],
)
def test_numbers_that_are_none(values: dict[str, int], complaint: str) -> None:
    with pytest.raises(ArchitectureError, match=complaint):
        Conv2d(8, **values)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"layers": []},
        {"layers": 1, "flat": True},
        {"layers": [{}], "flat": True},
        {"layers": [{"kind": "GELU"}], "flat": True},
        {"layers": [{"kind": "Linear"}], "flat": True},
        {"layers": [{"kind": "Linear", "outputs": 4, "bias": True}], "flat": True},
    ],
)
def test_json_that_declares_no_network(data: object) -> None:
    with pytest.raises(ArchitectureError):
        Architecture.from_json(data)
