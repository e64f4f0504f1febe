"""SFC, FINN's small fully connected network: F -> 256 -> 256 -> 256 -> classes.

Widths from Y. Umuroglu et al., FINN, arXiv:1612.07119.
"""

from bench.networks.model import Network
from bench.networks.perceptron import perceptron

NETWORK = Network(name="SFC", architecture=perceptron(256, 256, 256))
