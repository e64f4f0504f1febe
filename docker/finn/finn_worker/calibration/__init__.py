"""Mapped resources beside those that Vivado published for the same layers."""
