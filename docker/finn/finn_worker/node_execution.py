"""QONNX' execution of a model, node by node, without what costs it most of its time.

QONNX makes a session of ONNX Runtime for each node that it executes, and looks at every tensor of
whole numbers before and after. Starting and stopping a pool of threads for each took three quarters
of the time of small networks on a busy machine; Python's `max` over an array was 60% of CNV's.
"""

from __future__ import annotations

import builtins
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
from qonnx.core import onnx_exec
from qonnx.util import basic


def largest(*values: Any) -> Any:
    """As Python's `max`, which is called for anything but a single array of one dimension."""
    if len(values) == 1 and isinstance(values[0], np.ndarray) and values[0].ndim == 1:
        return values[0].max()
    return builtins.max(*values)


def session(model: bytes) -> Any:
    """A session of one thread: none is started and stopped, and sums have one order everywhere."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options)


def install() -> None:
    """Have QONNX use both."""
    vars(basic)["max"] = largest
    vars(onnx_exec)["rt"] = SimpleNamespace(InferenceSession=session)
