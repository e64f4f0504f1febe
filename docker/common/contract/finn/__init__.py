"""The stages of the FINN+ flow: from a QONNX model to a measurement on a board."""
