"""The stages before any flow: from a data set to a checked QONNX model."""
