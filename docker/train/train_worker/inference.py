"""Running a network on many images, the same way wherever it is done."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from contract import outcome
from contract.training_costs import EVALUATED_AT_ONCE

PROCESSOR = torch.device("cpu")
FLAT_BATCH, BATCH = 1000, EVALUATED_AT_ONCE
"""Images per forward pass: large enough to hide Python's overhead, small enough for the caches.

The values between the layers of a convolutional network take megabytes an image.
"""


def fix_arithmetic() -> None:
    """Make results depend on inputs and seed alone, not on threads or the machine's load.

    Another processor may still round differently, as torch picks its kernels by instruction set.
    """
    torch.set_num_threads(1)
    # What cuBLAS needs in order to give the same result each time.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)
    # A GPU would round what convolutions multiply to 10 bits, and choose other levels than the
    # processor.
    for operators in (
        torch.backends.cudnn.conv,
        torch.backends.cudnn.rnn,
        torch.backends.cuda.matmul,
    ):
        operators.fp32_precision = "ieee"
    # It would fill every new tensor with a value first, which helps only who reads what none wrote.
    torch.utils.deterministic.fill_uninitialized_memory = False


def logits(
    network: nn.Module, images: torch.Tensor, device: torch.device = PROCESSOR
) -> npt.NDArray[np.float32]:
    """Evaluate `network`.

    Args:
        network: On `device`; left in evaluation mode.
        images: uint8 [N, F] or [N, C, H, W], on the processor.
        device: Where to evaluate.

    Returns:
        [N, classes].
    """
    network.eval()
    size = FLAT_BATCH if images.ndim == 2 else BATCH
    with torch.no_grad():
        batches = torch.split(images, size)
        values = [network(batch.to(device).float()).cpu().numpy() for batch in batches]
    return np.concatenate(values)


def predictions(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The class of the largest logit, the first of equals: int64 [N] of float [N, classes]."""
    return outcome.predicted(values, "classes")
