"""Foldings: which are legal."""

from __future__ import annotations

import pytest

from contract.finn.folding import divisors


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, [1]),
        (97, [1, 97]),
        (10, [1, 2, 5, 10]),
        (784, [1, 2, 4, 7, 8, 14, 16, 28, 49, 56, 98, 112, 196, 392, 784]),
        (1024, [2**power for power in range(11)]),
    ],
)
def test_divisors_are_all_the_numbers_that_divide(number: int, expected: list[int]) -> None:
    assert divisors(number) == expected
