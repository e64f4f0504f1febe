"""Where a network is trained: on a GPU, if there is one that can."""

from __future__ import annotations

import copy

import torch
from torch import nn

from contract.code import Code
from stagekit import Reporter
from train_worker.inference import PROCESSOR
from train_worker.own.blame import said


def choose(
    network: nn.Module, code: Code | None, images: torch.Tensor, reporter: Reporter
) -> torch.device:
    """A GPU if there is one and it can do a step; the manifest names the device.

    Devices round differently. A GPU may be too old for this torch, or its memory taken; a network
    may keep tensors that do not move with it, or have an operator that is not deterministic there.
    Then it is trained on the processor, and a note says why.

    Args:
        network: On the processor, where it stays as it is.
        code: The user's file that builds it, if one does.
        images: A batch of whole numbers.
        reporter: Told what was chosen, and why not a GPU.
    """
    device = gpu()
    if device is not None and (trouble := what_hinders(network, images, device)):
        trained = f"{code.file} is" if code else "The network is"
        reporter.note(f"{trained} trained on the processor, as the GPU fails: {trouble}")
        device = None
    reporter.tool("training device", "processor" if device is None else _name(device))
    return device or PROCESSOR


def gpu() -> torch.device | None:
    """The GPU that torch can use, if any; once this was asked, the process cannot be forked."""
    return torch.device("cuda") if torch.cuda.is_available() else None


def what_hinders(network: nn.Module, images: torch.Tensor, device: torch.device) -> str:
    """What a copy of `network` fails with on `device`, in a step of Brevitas'; empty if nothing."""
    # Random numbers drawn here are drawn again in training, as on a machine without a GPU.
    with torch.random.fork_rng(devices=[]):
        try:
            tried = copy.deepcopy(network).to(device).train()
            tried(images.to(device).float()).sum().backward()
        except Exception as error:
            return said(error)
    if device.type == "cuda":
        del tried
        torch.cuda.empty_cache()
    return ""


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
