"""The `draft` stage: the network as it is before training, exported to QONNX.

Weights are random. Batch normalizations get the statistics of random images, so that thresholds lie
among the values that they are compared with, as they do after training.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from contract.stages.dataset import Quantization, resized
from contract.stages.draft import DraftSpec
from stagekit import Reporter, Request
from train_worker import inference
from train_worker.checkpoint import build_network
from train_worker.data import Findings
from train_worker.export import to_qonnx

SEED = 1
BATCH, BATCHES = 16, 2
SPREAD = 0.1
"""By how much the factors of batch normalizations differ from channel to channel."""


def draft(request: Request, reporter: Reporter) -> None:
    """Export the network untrained.

    Writes `model.onnx` and `metrics.json`; the same spec gives the same bytes.

    Raises:
        StageError: The network cannot be built for such images.
    """
    spec = request.parse(DraftSpec)
    inference.fix_arithmetic()
    torch.manual_seed(SEED)
    channels, height, width = spec.shape
    findings = Findings(spec.classes, channels, height, width, spec.quantization)
    network = build_network(spec, findings, dropout=0.0)
    image = resized(spec.shape, spec.image_size)
    shape = (math.prod(image),) if spec.flat else image
    with reporter.timed("settle"):
        settle(network, shape, spec.quantization)
    with reporter.timed("export"):
        model = to_qonnx(network.eval(), shape, spec.quantization.datatype, request.scratch)
    model.save(str(request.outputs / "model.onnx"))
    request.write_metrics(
        {
            "input_datatype": spec.quantization.datatype,
            "input_shape": list(shape),
            "classes": spec.classes,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
        }
    )


def settle(network: nn.Module, shape: tuple[int, ...], quantization: Quantization) -> None:
    """Give the normalizations of an untrained network factors and statistics, in place.

    Args:
        network: Takes whole numbers [N, *shape].
        shape: Of an image: (F,) or (C, H, W).
        quantization: The numbers that there may be.
    """
    normalizations = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    with torch.no_grad():
        for norm in normalizations:
            norm.momentum = None  # the mean over all batches
            if norm.affine:
                norm.weight.uniform_(1 - SPREAD, 1 + SPREAD)
                norm.bias.uniform_(-SPREAD, SPREAD)
        network.train()
        for _ in range(BATCHES):
            network(random_images((BATCH, *shape), quantization))


def random_images(shape: tuple[int, ...], quantization: Quantization) -> torch.Tensor:
    """Whole numbers of a data set's datatype, as float of `shape`."""
    low, high = quantization.bounds
    if quantization.datatype == "BIPOLAR":
        return torch.randint(0, 2, shape).float() * 2 - 1
    return torch.randint(low, high + 1, shape).float()
