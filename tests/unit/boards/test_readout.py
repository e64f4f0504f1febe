"""What the board's outputs are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.boards import readout


def test_images_go_to_the_board_channels_last(tmp_path: Path) -> None:
    images = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    labels = np.array([1, 0], dtype=np.uint8)
    path = tmp_path / "test_set.npz"
    np.savez(path, images=images, labels=labels, predictions=labels.astype(np.int64))
    sent = tmp_path / "images.u8"
    readout.TestSet.load(path, 1).images.tofile(sent)
    expected = [images[0, c, y, x] for y in range(4) for x in range(5) for c in range(3)]
    assert np.fromfile(sent, dtype=np.uint8).tolist() == expected
