"""LFC, FINN's large fully connected network: F -> 1024 -> 1024 -> 1024 -> classes.

Widths from Y. Umuroglu et al., FINN, arXiv:1612.07119.
"""

from bench.networks.model import Network
from bench.networks.perceptron import perceptron

NETWORK = Network(name="LFC", architecture=perceptron(1024, 1024, 1024))
