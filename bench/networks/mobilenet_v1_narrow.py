"""MobileNetV1 with a quarter of the channels (its authors' width multiplier 0.25)."""

from bench.networks.mobilenet import mobilenet

NETWORK = mobilenet("MobileNetV1-narrow", of=4)
