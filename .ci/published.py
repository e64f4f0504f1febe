"""Writes the files that MNIST is published in, from a store's arrays: `published.py FROM TO`."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import numpy as np

SOURCE, TARGET = map(Path, sys.argv[1:])
for half, name in (("train", "train"), ("test", "t10k")):
    with np.load(SOURCE / f"{half}.npz") as arrays:
        images, labels = arrays["images"][:, 0], arrays["labels"]
    for array, kind in ((images, "images-idx3"), (labels, "labels-idx1")):
        header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
        (TARGET / f"{name}-{kind}-ubyte").write_bytes(header + array.tobytes())
