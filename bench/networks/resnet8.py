"""ResNet-8, the residual network of MLPerf Tiny's image classification.

C. Banbury et al., MLPerf Tiny Benchmark, arXiv:2106.07597, and its reference implementation (GitHub
mlcommons/tiny): a 3x3 convolution, three blocks of two convolutions and a shortcut, an average over
the image, a fully connected layer. Other than there, a batch normalization follows the convolutions
of the shortcuts and the last layer, and no layer has a bias.
"""

from bench.networks.model import Defaults, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    ReLU,
    Residual,
    ScalePixels,
)


def _block(channels: int, stride: int) -> tuple[Layer, ...]:
    branch = (
        *(Conv2d(channels, kernel=3, stride=stride, padding=1), BatchNorm(), ReLU()),
        *(Conv2d(channels, kernel=3, padding=1), BatchNorm()),
    )
    shortcut = (Conv2d(channels, kernel=1, stride=stride), BatchNorm()) if stride > 1 else ()
    return Residual(branch, shortcut), ReLU()


NETWORK = Network(
    name="ResNet8",
    architecture=Architecture(
        layers=(
            ScalePixels(),
            *(Conv2d(16, kernel=3, padding=1), BatchNorm(), ReLU()),
            *_block(16, stride=1),
            *_block(32, stride=2),
            *_block(64, stride=2),
            *(GlobalAveragePool(), Flatten(), Linear(CLASSES, per_channel=False), BatchNorm()),
        ),
    ),
    defaults=Defaults(dropout=0.0, batch_size=32, learning_rate=0.001),
)
