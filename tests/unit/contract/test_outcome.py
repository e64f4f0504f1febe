"""What outputs say: classes, or values that are compared one by one."""

from __future__ import annotations

import numpy as np
import pytest

from contract import outcome

LOGITS = np.asarray([[1.0, 3.0, 2.0], [5.0, -1.0, 0.0]], np.float32)


def test_of_classes_the_largest_counts() -> None:
    predictions = outcome.predicted(LOGITS, "classes")
    assert predictions.tolist() == [1, 0]
    assert outcome.kind_of(predictions) == "classes"
    other = outcome.predicted(LOGITS * [1, 1, 4], "classes")
    assert outcome.differing(other, predictions).tolist() == [True, False]
    assert outcome.accuracy(predictions, np.asarray([1, 2])) == 0.5


def test_of_values_each_counts_but_for_rounding() -> None:
    predictions = outcome.predicted(LOGITS, "values")
    assert outcome.kind_of(predictions) == "values"
    assert not outcome.differing(predictions + 1e-5, predictions).any()
    off = predictions.copy()
    off[1, 2] += 0.01
    # The largest is the same one: only a comparison of values sees it.
    assert outcome.differing(off, predictions).tolist() == [False, True]
    assert outcome.accuracy(predictions, np.asarray([1, 0])) is None


@pytest.mark.parametrize("values", [[-1, 1, 1], [0, 1, 1], [-0.3, 0.1, 7.5]])
def test_a_single_value_says_one_of_two_classes(values: list[float]) -> None:
    predictions = np.asarray(values, np.float32).reshape(-1, 1)
    assert outcome.accuracy(predictions, np.asarray([0, 1, 1])) == 1.0
    assert outcome.accuracy(predictions, np.asarray([1, 1, 0])) == pytest.approx(1 / 3)
    assert outcome.accuracy(predictions, np.asarray([0, 1, 2])) is None


def test_a_flipped_bit_is_seen_though_a_column_has_no_second() -> None:
    bits = np.asarray([[-1.0], [1.0], [1.0]], np.float32)
    assert outcome.differing(-bits, bits).all()


def test_without_labels_there_is_no_accuracy() -> None:
    assert outcome.accuracy(np.asarray([1, 2]), None) is None


def test_of_equal_whole_numbers_the_first_is_the_class_whatever_rounding_makes_of_them() -> None:
    """As a network ends that has no normalization at its end: integers with one scale."""
    whole = np.random.default_rng(3).integers(-20, 21, (1000, 10))
    exact = np.argmax(whole, axis=1)
    noise = np.random.default_rng(4).uniform(-1e-6, 1e-6, whole.shape)
    rounded = (whole * np.float32(0.037) * (1 + noise)).astype(np.float32)
    assert (np.argmax(rounded, axis=1) != exact).any()
    assert (outcome.predicted(rounded, "classes") == exact).all()
    assert outcome.predicted(np.full((2, 3), 0.7, np.float32), "classes").tolist() == [0, 0]
