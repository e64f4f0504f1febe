"""Kinds of layers, as figures are compared by."""

from __future__ import annotations

import re

# By the start of a module's name.
_KINDS = (
    ("StreamingFIFO", "FIFO"),
    ("FMPadding", "padding"),
    ("ConvolutionInputGenerator", "generator"),
    ("StreamingDataWidthConverter", "width converter"),
    ("Thresholding", "threshold"),
    ("MVAU_rtl", "DSP MVAU"),
    ("MVAU_hls", "MVAU in HLS"),
    ("StreamingMaxPool_hls", "pool in HLS"),
    ("mvau_stream", "LUT MVAU"),
)


def kind_of(layer: str) -> str:
    """The kind of a layer called so, such as `FIFO` of `StreamingFIFO_rtl_3`; else its own name."""
    if re.search(r"_wstrm(_|$)", layer):
        return "weights"
    found = (kind for start, kind in _KINDS if layer.startswith(start))
    return next(found, re.sub(r"(_rtl|_hls)?_\d+.*$", "", layer))
