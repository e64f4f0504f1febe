"""Benchmark quantized neural networks on FPGAs: train, compile, simulate, measure, report."""

__version__ = "0.1.0"
