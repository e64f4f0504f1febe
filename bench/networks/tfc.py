"""TFC, the paper's "tiny fully connected" network: F -> 64 -> 64 -> 64 -> classes."""

from bench.networks.model import Network
from bench.networks.perceptron import perceptron

NETWORK = Network(name="TFC", architecture=perceptron(64, 64, 64))
