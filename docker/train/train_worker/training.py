"""The `train` stage: quantization-aware training that repeats bit for bit."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from contract.stages.train import TrainSpec
from stagekit import Reporter, Request, StageError
from train_worker import inference
from train_worker.autograd import Autograd
from train_worker.checkpoint import Checkpoint, build_network
from train_worker.data import Findings, Split, read_findings, read_split
from train_worker.device import choose
from train_worker.inference import PROCESSOR
from train_worker.lean import Twin, UnknownLayerError
from train_worker.own.blame import blamed
from train_worker.steps import Learner, Steps, steps


@dataclass(frozen=True)
class Epoch:
    """The results of one pass over the training images.

    Attributes:
        epoch: Counted from 1.
        loss: Cross-entropy, mean over the training images as they were seen.
        train_accuracy: Fraction of the training images that was classified correctly as they were
            seen (with dropout, while the parameters changed).
        test_accuracy: Fraction of the whole test set classified correctly after the epoch, where
            it was trained.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    learning_rate: float


def train(request: Request, reporter: Reporter) -> None:
    """Train one network and keep its best epoch.

    Writes `checkpoint.pt` and `metrics.json`.

    Raises:
        StageError: The spec or the data set is unusable, or the training diverged.
    """
    spec = request.parse(TrainSpec)
    inference.fix_arithmetic()
    torch.manual_seed(spec.seed)
    findings = read_findings(request.inputs["dataset"])
    # Before a GPU is looked for: files of the user's are tried in a fork, which CUDA cannot bear.
    network = build_network(spec, findings, spec.dropout)
    with reporter.timed("read data"):
        train_set, test_set = _read_data(request.inputs["dataset"], findings, spec)
    device = choose(network, spec.code, train_set.images[: spec.batch_size], reporter)
    with reporter.timed("train"):
        training = _Training(network, train_set, test_set, spec, device)
        with blamed(spec.code, "in training", only_its_lines=True):
            epochs, best = training.run(findings, reporter)
    best.save(request.outputs / "checkpoint.pt")
    request.write_metrics(
        {
            "accuracy": best.accuracy,
            "best_epoch": best.epoch,
            "epochs": [dataclasses.asdict(epoch) for epoch in epochs],
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
        }
    )


def _read_data(folder: Path, findings: Findings, spec: TrainSpec) -> tuple[Split, Split]:
    """The training images asked for and the whole test set."""
    train_set, test_set = (
        read_split(folder, name, findings, spec.image_size, flat=spec.flat)
        for name in ("train", "test")
    )
    wanted = spec.train_images or len(train_set)
    if wanted > len(train_set):
        raise StageError(
            f"train_images is {wanted}, the training set holds {len(train_set)}.",
            "Ask for fewer, or for 0, which means all.",
        )
    if wanted < spec.batch_size:
        raise StageError(
            f"batch_size is {spec.batch_size}, more than the {wanted} training images.",
            f"Ask for a batch_size of at most {wanted}.",
        )
    return train_set.first(wanted), test_set


class _Training:
    """A network in training.

    Args:
        network: Brevitas' own, which is moved to `device`.
        train_set, test_set: What it learns from and is evaluated on.
        spec: How to train.
        device: Where to train, and to evaluate after each epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        train_set: Split,
        test_set: Split,
        spec: TrainSpec,
        device: torch.device,
    ) -> None:
        self._network = network.to(device)
        self._images = len(train_set)
        self._test_set = test_set
        self._spec = spec
        self._device = device
        # Quantizers of the user's own may be of any kind.
        twin = _twin(self._network) if spec.code is None else Autograd(self._network)
        self._learner = Learner(twin, train_set, spec.learning_rate, device)
        self._step: Steps | None = None

    def run(self, findings: Findings, reporter: Reporter) -> tuple[list[Epoch], Checkpoint]:
        """All epochs, and the best one by test accuracy (of equals the later, as the authors do).

        The accuracy of the best is the processor's, as the exported network's will be.

        Raises:
            StageError: The training diverged.
        """
        spec = self._spec
        scheduler = torch.optim.lr_scheduler.MultiStepLR(
            self._learner.optimizer, spec.milestones, spec.gamma
        )
        shuffler = torch.Generator().manual_seed(spec.seed)
        epochs: list[Epoch] = []
        best: Checkpoint | None = None
        for number in range(1, spec.epochs + 1):
            rate = float(scheduler.get_last_lr()[0])
            order = torch.randperm(self._images, generator=shuffler)
            loss, train_accuracy = self._pass_over(order)
            if not math.isfinite(loss):
                raise StageError(
                    f"The training diverged: the loss of epoch {number} is {loss}.",
                    f"Lower the learning_rate (now {spec.learning_rate}).",
                )
            scheduler.step()
            test_accuracy = _accuracy(self._network, self._test_set, self._device)
            epochs.append(Epoch(number, loss, train_accuracy, test_accuracy, rate))
            if best is None or test_accuracy >= best.accuracy:
                state = _copy_state(self._network)
                best = Checkpoint(spec, findings, number, test_accuracy, state)
            text = f"loss {loss:.4f}, test accuracy {test_accuracy:.2%}"
            reporter.progress(number, spec.epochs, "epoch", text)
        assert best is not None
        return epochs, best if self._device == PROCESSOR else self._judged_by_the_processor(best)

    def _judged_by_the_processor(self, best: Checkpoint) -> Checkpoint:
        network = self._network.to(PROCESSOR)
        network.load_state_dict(best.state)
        accuracy = _accuracy(network, self._test_set, PROCESSOR)
        return dataclasses.replace(best, accuracy=accuracy)

    def _pass_over(self, order: torch.Tensor) -> tuple[float, float]:
        """Learn from every image once, in `order`; mean loss and accuracy of the images as seen."""
        batches = _batches(order.to(self._device), self._spec.batch_size)
        if self._step is None:
            self._step = steps(self._learner, batches[0], self._device)
        for batch in batches:
            self._step(batch)
        loss_sum, right = self._learner.take_sums()
        return loss_sum / len(order), right / len(order)


def _twin(network: nn.Module) -> Twin | Autograd:
    """The lean twin where every layer has one, else Brevitas' own modules."""
    try:
        return Twin(network)
    except UnknownLayerError:
        return Autograd(network)


def _batches(order: torch.Tensor, batch_size: int) -> list[torch.Tensor]:
    """Split `order`; a last batch of one image joins the one before, as its variance is unknown."""
    batches = list(torch.split(order, batch_size))
    if len(batches) > 1 and len(batches[-1]) == 1:
        batches[-2:] = [torch.cat(batches[-2:])]
    return batches


def _accuracy(network: nn.Module, data: Split, device: torch.device) -> float:
    """Fraction of `data` that `network`, on `device`, gets right."""
    guesses = inference.predictions(inference.logits(network, data.images, device))
    return float((guesses == data.labels.numpy()).mean())


def _copy_state(network: nn.Module) -> dict[str, torch.Tensor]:
    """On the processor, so that a machine without a GPU can read it."""
    state = network.state_dict()
    return {name: value.detach().to(PROCESSOR, copy=True) for name, value in state.items()}
