"""MobileNetV1, of full width."""

from bench.networks.mobilenet import mobilenet

NETWORK = mobilenet("MobileNetV1")
