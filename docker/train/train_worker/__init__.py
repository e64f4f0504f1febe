"""Stages of the training environment: quantization-aware training and QONNX export."""
