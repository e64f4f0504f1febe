"""A trained network on disk, with all that is needed to build it again."""

from __future__ import annotations

import dataclasses
import io
import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from contract.fields import parse
from contract.stages.dataset import resized
from contract.stages.network import NetworkSpec
from contract.stages.train import TrainSpec
from stagekit import StageError
from train_worker.data import Findings
from train_worker.networks import build
from train_worker.own.build import build as build_own
from train_worker.own.order import Order

FORMAT = 3
REMEDY = "Run the train stage again with this version of the worker, then export."


@dataclass(frozen=True)
class Checkpoint:
    """A trained network.

    Attributes:
        findings: Of the data set.
        epoch: Whose parameters these are, counted from 1.
        accuracy: Fraction of the whole test set that is classified correctly.
        state: Parameters and buffers by name.
    """

    spec: TrainSpec
    findings: Findings
    epoch: int
    accuracy: float
    state: dict[str, torch.Tensor]

    def save(self, path: Path) -> None:
        """Write the checkpoint; equal checkpoints give equal bytes."""
        content = {
            "format": FORMAT,
            "spec": dataclasses.asdict(self.spec),
            "findings": dataclasses.asdict(self.findings),
            "epoch": self.epoch,
            "accuracy": self.accuracy,
            "state": self.state,
        }
        # Given a path, torch writes the file's name into the file; given a stream, it does not.
        buffer = io.BytesIO()
        torch.save(content, buffer)
        path.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read what `save` wrote.

        Raises:
            StageError: The file is missing, damaged, or of another version of the worker.
        """
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise StageError(f"{path.name} cannot be read: {error}.", REMEDY) from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise StageError(f"{path.name} is not a checkpoint in format {FORMAT}.", REMEDY)
        try:
            return cls(
                spec=parse(TrainSpec, content["spec"]),
                findings=Findings.from_json(content["findings"]),
                epoch=content["epoch"],
                accuracy=content["accuracy"],
                state=content["state"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise StageError(
                f"{path.name} has other fields than this worker writes: {error}.", REMEDY
            ) from error

    def network(self) -> nn.Module:
        """The trained network, in evaluation mode.

        Raises:
            StageError: The parameters do not fit the network that the spec describes.
        """
        network = build_network(self.spec, self.findings, self.spec.dropout)
        try:
            network.load_state_dict(self.state)
        except RuntimeError as error:
            raise StageError(
                f"The checkpoint's parameters do not fit its spec: {error}", REMEDY
            ) from error
        return network.eval()


def build_network(spec: NetworkSpec, findings: Findings, dropout: float) -> nn.Module:
    """The network that `spec` describes, untrained; `dropout` is a probability.

    Raises:
        StageError: It cannot be built for such images.
    """
    image = resized(findings.shape, spec.image_size)
    if spec.code is not None:
        order = Order(
            code=spec.code,
            weight_bits=spec.weight_bits,
            act_bits=spec.act_bits,
            image=image,
            classes=findings.classes,
            dropout=dropout,
            quantization=findings.quantization,
        )
        return build_own(order)
    assert spec.architecture is not None
    weight_bits, act_bits = spec.bits_of_layers()
    return build(
        spec.architecture,
        image=image,
        classes=findings.classes,
        weight_bits=weight_bits,
        act_bits=act_bits,
        dropout=dropout,
        quantization=findings.quantization,
    )
