"""Whether training can use an NVIDIA GPU here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEVICE = Path("/dev/nvidiactl")
"""There once NVIDIA's driver is loaded."""


def has_gpu(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether this machine has a GPU that `BENCH_GPU=0` does not switch off."""
    return DEVICE.exists() and variables.get("BENCH_GPU") != "0"


def visible_devices(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """CUDA's variable for a worker: the caller's choice of GPUs, or none of them."""
    if not has_gpu(variables):
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {name: variables[name] for name in ("CUDA_VISIBLE_DEVICES",) if name in variables}


def engine_offers_gpu(info: Mapping[str, Any]) -> bool:
    """Whether a container engine can pass on a GPU, by its `docker info`.

    NVIDIA's runtime is registered, or the engine has discovered NVIDIA's devices.
    """
    devices = info.get("DiscoveredDevices") or ()
    return "nvidia" in (info.get("Runtimes") or {}) or any(
        "nvidia" in str(device.get("ID", "")) for device in devices
    )
