"""Declarations of networks: bench plans with them, the train worker builds modules from them.

An `Architecture` is a sequence of layer records. It says nothing of bit widths: the widths of a
training go to the layers with weights, and to the activations, in the order in which they stand
here (the branch of a `Residual`, then its shortcut, then the quantizer of its sum).
"""

from contract.architecture.network import Architecture
from contract.architecture.records import (
    CLASSES,
    KINDS,
    ArchitectureError,
    AveragePool,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Dropout,
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
    Shape,
    leaves,
)

__all__ = [
    "CLASSES",
    "KINDS",
    "Architecture",
    "ArchitectureError",
    "AveragePool",
    "BatchNorm",
    "Conv2d",
    "DepthwiseConv2d",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "HardTanh",
    "Layer",
    "LayerShape",
    "Linear",
    "MaxPool",
    "ReLU",
    "Residual",
    "ScalePixels",
    "Shape",
    "leaves",
]
