"""From FINN+'s generated Verilog to a folder that holds a whole accelerator, and its top module."""
