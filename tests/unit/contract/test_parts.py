"""Which boards something would fit, and how that is said."""

from __future__ import annotations

import pytest

from contract.finn.parts import BOARDS, in_short, resources_of, told, with_flip_flops, would_fit


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_has_a_part_of_known_resources(board: str) -> None:
    has = resources_of(BOARDS[board])
    assert has is not None
    assert would_fit(with_flip_flops(has)), "all of a part fits that part"
    assert board in would_fit(with_flip_flops(has))
    assert board not in would_fit({**has, "lut": has["lut"] + 1})


def test_an_unknown_part_has_none() -> None:
    assert resources_of("xc7a35t") is None


def test_the_smallest_comes_first_and_a_share_counts() -> None:
    assert would_fit({}) == sorted(BOARDS, key=lambda board: resources_of(BOARDS[board])["lut"])
    assert would_fit({"lut": 53_200}, 0.85)[0] != "Pynq-Z1"
    assert would_fit({"lut": 45_220, "ff": 90_440}, 0.85)[:2] == ["Pynq-Z1", "Pynq-Z2"]
    assert would_fit({"uram": 1})[0] == "KV260_SOM"


@pytest.mark.parametrize(
    ("boards", "short", "sentence"),
    [
        ([], "none", "none of the 11 boards known here"),
        (["A"], "A", "A"),
        (["A", "B"], "A, 1 more", "A and B"),
        (["A", "B", "C"], "A, 2 more", "A and 2 more boards"),
    ],
)
def test_it_is_said_in_short(boards: list[str], short: str, sentence: str) -> None:
    assert in_short(boards) == short
    assert told(boards) == sentence
