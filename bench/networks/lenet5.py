"""LeNet5: two convolutions, three fully connected layers.

Y. LeCun et al., Gradient-based learning applied to document recognition, 1998: widths, kernels and
32x32 images; with maximum pooling, batch normalization and quantizable activations, as in the
authors' QuantLeNet5 (GitHub QDucasse/nn_benchmark).
"""

from bench.networks.model import Defaults, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    Flatten,
    HardTanh,
    Linear,
    MaxPool,
    ScalePixels,
)

NETWORK = Network(
    name="LeNet5",
    architecture=Architecture(
        layers=(
            ScalePixels(),
            *(Conv2d(6, kernel=5), BatchNorm(), HardTanh(), MaxPool(kernel=2, stride=2)),
            *(Conv2d(16, kernel=5), BatchNorm(), HardTanh(), MaxPool(kernel=2, stride=2)),
            Flatten(),
            *(Linear(120), BatchNorm(), HardTanh()),
            *(Linear(84), BatchNorm(), HardTanh()),
            Linear(CLASSES, per_channel=False),
            BatchNorm(),
        ),
    ),
    defaults=Defaults(dropout=0.0),
)
