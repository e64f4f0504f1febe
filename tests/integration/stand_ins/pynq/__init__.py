"""Stands for PYNQ 3.0."""

from pathlib import Path

import numpy as np

from pynq import ps  # noqa: F401


class Register:
    def read(self, offset=0):
        return 0x4


class Overlay:
    def __init__(self, bitfile_name, dtbo=None, download=True, ignore_version=False, device=None):
        path = Path(bitfile_name)
        assert path.is_absolute()
        if not path.with_suffix(".hwh").exists():
            raise ValueError(f"Cannot find HWH file for {bitfile_name}.")
        self.device = device
        self.idma0 = self.odma0 = Register()


def allocate(shape, dtype="u4", target=None, **kwargs):
    return np.zeros(shape, dtype)
