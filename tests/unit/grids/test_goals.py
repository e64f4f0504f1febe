"""Foldings that are searched for, as a grid asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import ConfigError
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from contract.finn.cycles import cycles_per_image
from contract.finn.goal import Goal, Kind, NoGoalError, goal_of


def asked(grid_file: Path, foldings: str, more: str = "") -> Path:
    text = grid_file.read_text()
    assert 'foldings = ["low", "max"]' in text
    grid_file.write_text(
        text.replace('foldings = ["low", "max"]', f"foldings = {foldings}\n{more}")
    )
    return grid_file


def test_goals_stand_among_names_of_foldings(grid_file: Path) -> None:
    points = expand(load_grid(asked(grid_file, '["low", "fastest", "smallest:1024"]')))
    names = {point.labels.folding for point in points}
    assert names == {"low", "fastest", "smallest1024"}
    specs = {point.labels.folding: point.specs["compile"] for point in points}
    assert specs["low"]["goal"] is specs["low"]["share"] is specs["low"]["cores"] is None
    assert specs["fastest"]["folding"] is None
    goals = [(s["goal"], s["share"], s["cores"]) for s in specs.values() if s["goal"]]
    assert goals == [("fastest", 0.85, ["dsp", "lut"]), ("smallest:1024", 0.85, ["dsp", "lut"])]


def test_share_and_cores_are_of_goals_only(grid_file: Path) -> None:
    """Another share leaves the designs of given foldings as they are."""
    before = expand(load_grid(grid_file))
    changed = asked(grid_file, '["low", "max"]', 'share = 0.5\ncores = ["dsp"]')
    after = expand(load_grid(changed))
    assert [p.specs["compile"] for p in before] == [p.specs["compile"] for p in after]
    searched = expand(load_grid(_replaced(changed, '"low", "max"', '"balanced"')))
    assert [p.specs["compile"]["share"] for p in searched] == [0.5] * len(searched)
    assert [p.specs["compile"]["cores"] for p in searched] == [["dsp"]] * len(searched)


def _replaced(path: Path, old: str, new: str) -> Path:
    path.write_text(path.read_text().replace(old, new))
    return path


@pytest.mark.parametrize(
    ("foldings", "more", "expected"),
    [
        ('["smallest"]', "", ["'smallest' gives no interval", "smallest:II"]),
        ('["smallest:"]', "", ["gives no interval"]),
        ('["smallest:0"]', "", ["from 1 up"]),
        ('["smallest:2k"]', "", ["a whole number of cycles"]),
        (f'["smallest:1{"0" * 15}"]', "", ["at most 15 digits"]),
        ('["fastest:64"]', "", ["which only 'smallest' has"]),
        ('["smallest:0512"]', "", ["without leading zeros"]),
        ('["fast:64"]', "", ["'fast:64' is not known"]),
        ('["Fastest"]', "", ["'Fastest' is not known", "mean 'fastest'", "smallest:II"]),
        ('["fastest", "fastest"]', "", ["names 'fastest' twice"]),
        ('["fastest"]', "share = 0.0", ["build.share = 0.0", "above 0"]),
        ('["fastest"]', "share = 1.01", ["build.share = 1.01", "at most 1"]),
        ('["fastest"]', 'share = "all"', ["build.share"]),
        ('["fastest"]', "cores = []", ["build.cores", "at least one"]),
        ('["fastest"]', 'cores = ["fpga"]', ["build.cores.0 = 'fpga'", "Valid: dsp, lut"]),
        ('["fastest"]', 'cores = ["pumped"]', ["build.cores.0 = 'pumped'", "Valid: dsp, lut"]),
    ],
)
def test_goals_that_cannot_be(
    grid_file: Path, foldings: str, more: str, expected: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_grid(asked(grid_file, foldings, more))
    said = f"{caught.value.what} {caught.value.remedy}"
    assert not [words for words in expected if words not in said], said


def test_a_folding_that_is_called_as_a_goal_is_refused(grid_file: Path) -> None:
    beside = grid_file.parent / "foldings.toml"
    beside.write_text(beside.read_text().replace("\nlow =", "\nfastest ="))
    with pytest.raises(ConfigError, match="has a folding 'fastest'"):
        load_grid(asked(grid_file, '["fastest"]'))


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("fastest", Goal(Kind.FASTEST)),
        ("balanced", Goal(Kind.BALANCED)),
        ("smallest:1024", Goal(Kind.SMALLEST, 1024)),
        ("low", None),
        ("smallest1024", None),
    ],
)
def test_goals_are_written(text: str, goal: Goal | None) -> None:
    assert goal_of(text) == goal
    assert goal is None or str(goal) == text


def test_no_goal_has_a_longer_interval_than_a_number() -> None:
    with pytest.raises(NoGoalError):
        goal_of("smallest:" + "9" * 16)


def test_forecasts_take_the_interval_that_is_asked_for(grid_file: Path) -> None:
    points = expand(load_grid(asked(grid_file, '["smallest:1024", "fastest"]')))
    cycles = {p.labels.folding: cycles_per_image(p.specs) for p in points}
    assert cycles["smallest1024"] == 1024
    assert 0 < cycles["fastest"] < 1024
