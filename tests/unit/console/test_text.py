"""Text for people."""

from __future__ import annotations

import pytest

from bench.console.text import brief


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (5, "5"),
        (None, "null"),
        ([1, {"a": "ü"}], '[1, {"a": "ü"}]'),
        ("x" * 201, "(201 characters)"),
        ({"text": "x" * 5000}, "(5,012 characters)"),
    ],
)
def test_a_long_value_is_said_by_its_length(value: object, text: str) -> None:
    assert brief(value) == text
