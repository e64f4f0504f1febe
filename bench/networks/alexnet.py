"""AlexNet: five convolutions, three fully connected layers.

A. Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012, for
images of 32x32 pixels as in the authors' QuantAlexNet (GitHub QDucasse/nn_benchmark). There, one
pixel is left after the convolutions, is copied to 6x6 and goes through a layer of 9,216 inputs;
here that layer takes the pixel. Theirs has no batch normalization; without one, quantizers whose
range starts as 0..6 round all of a new network's values to 0.
"""

from bench.networks.model import Defaults, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
    ScalePixels,
)

_ACTIVATION = (BatchNorm(), ReLU())

NETWORK = Network(
    name="AlexNet",
    architecture=Architecture(
        layers=(
            ScalePixels(),
            *(Conv2d(64, kernel=11, stride=4, padding=2), *_ACTIVATION, MaxPool(kernel=3)),
            *(Conv2d(192, kernel=5, padding=2), *_ACTIVATION, MaxPool(kernel=3)),
            *(Conv2d(384, kernel=3, padding=1), *_ACTIVATION),
            *(Conv2d(256, kernel=3, padding=1), *_ACTIVATION),
            *(Conv2d(256, kernel=3, padding=1), *_ACTIVATION, MaxPool(kernel=3)),
            Flatten(),
            *(Dropout(), Linear(4096), *_ACTIVATION),
            *(Dropout(), Linear(4096), *_ACTIVATION),
            *(Linear(CLASSES, per_channel=False), BatchNorm()),
        ),
    ),
    defaults=Defaults(dropout=0.5),
)
