"""Mapping of generated RTL to the primitives of an FPGA, with Yosys."""
