"""Flows: the stages between a trained model and a measured one.

A flow is one object, in a package beside this file or in an extension's file. It names its stages,
reads its foldings, and knows its boards; the rest of bench takes all of that from here.
"""

from bench.flows.flow import Bottleneck, Flow, Folding, FoldingFormat, up_to
from bench.flows.register import FLOWS, all_stages, board_parts, flow_named

__all__ = [
    "FLOWS",
    "Bottleneck",
    "Flow",
    "Folding",
    "FoldingFormat",
    "all_stages",
    "board_parts",
    "flow_named",
    "up_to",
]
