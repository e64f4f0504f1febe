"""How many processors a task gets, by what runs beside it."""

from __future__ import annotations

import pytest

from bench.pipeline.shares import Shares


@pytest.mark.parametrize(
    ("others", "cpus"),
    [
        ([], 8),
        ([100.0], 4),
        ([100.0] * 2, 3),
        ([100.0] * 9, 2),  # four at once
        ([1.0] * 9, 7),  # soon done
        ([1e6], 4),
    ],
)
def test_processors_go_to_those_that_need_them_longest(others: list[float], cpus: int) -> None:
    seconds = {"task": 100.0} | {str(number): each for number, each in enumerate(others)}
    assert Shares(seconds, 8, 4).of("task", set()) == cpus


def test_a_long_simulation_beside_a_short_task_gets_both_processors() -> None:
    shares = Shares({"simulate": 960.0, "map": 60.0, "measure": 60.0}, 2, 2)
    assert shares.of("simulate", {"measure"}) == 2
    assert shares.of("map", set()) == 1


def test_what_waits_for_a_task_and_what_has_ended_does_not_count() -> None:
    shares = Shares({"a": 10.0, "b": 10.0, "c": 10.0}, 4, 4)
    assert shares.of("a", {"b"}) == 2
    shares.end("c")
    shares.end("kept before")
    assert shares.of("a", {"b"}) == 4


def test_a_task_that_has_to_be_made_again_after_all_shares_by_number() -> None:
    assert Shares({"other": 10.0}, 4, 4).of("damaged", set()) == 2
    assert Shares({}, 4, 4).of("damaged", {"other"}) == 4


def test_there_is_always_one_processor() -> None:
    assert Shares({"a": 1.0, "b": 1.0, "c": 1.0}, 1, 3).of("a", set()) == 1
