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


def test_values_are_compared_one_by_one_and_labels_may_be_missing(tmp_path: Path) -> None:
    path, bits = tmp_path / "test_set.npz", np.asarray([[1], [-1], [1], [1]], np.float32)
    np.savez(path, images=np.full((4, 6), -1, np.int8), predictions=bits)
    test_set = readout.TestSet.load(path, 4)
    assert test_set.labels is None
    assert test_set.images.dtype == np.int8
    host = readout.Postprocess(np.ones(1, np.float32), np.zeros(1, np.float32))
    outputs = np.asarray([[1], [-1], [1], [1]])
    simulated = outputs[:2]
    predictions = host.predicted(outputs, "values")
    assert not readout.compare(outputs, simulated, predictions, test_set).fault
    # Of one column, the largest never differs; values do.
    wrong = host.predicted(-outputs, "values")
    fault = readout.compare(outputs, simulated, wrong, test_set).fault
    assert fault is not None
    assert "2 of the 2 images" in fault
    assert "other values" in fault
