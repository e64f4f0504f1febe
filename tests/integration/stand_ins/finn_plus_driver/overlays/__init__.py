"""Overlay classes; only that for DMA has a stand-in."""
