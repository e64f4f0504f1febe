"""The command `bench inspect`, with a runner that finds what it is told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inspections import Inspector

from bench.cli import main
from bench.errors import Exit


@pytest.fixture
def runner() -> Inspector:
    return Inspector()


def test_it_shows_the_network_and_what_a_run_takes(
    as_command: list[str], runner: Inspector, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["inspect", "TFC", "--folding", "low", "--bits", "2,2", *as_command]
    assert main(command) == Exit.OK
    output = capsys.readouterr().out
    assert output.startswith("TFC w2a2 on MNIST\n")
    assert "Left to the host's processor: Transpose before, Mul after them." in output
    assert "An epoch of training, and all that follows: about" in output
    assert runner.ran == ["draft tfc-mnist-w2a2", "inspect tfc-mnist-w2a2"]
    assert main(command) == Exit.OK
    assert capsys.readouterr().out == output
    assert len(runner.ran) == 2, "looked up, and not made again"


def test_what_cannot_be_built_is_said_with_what_to_do_and_ends_with_1(
    as_command: list[str], runner: Inspector, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.refused = "w2a2"
    arguments = ("TFC", "--bits", "2,2", "--bits", "4,4")
    assert main(["inspect", *arguments, *as_command]) == Exit.STAGE_FAILED
    shown = capsys.readouterr()
    assert "cannot be built: There is no hardware layer for Tanh." in shown.out
    assert (shown.out + shown.err).count("There is no hardware layer for Tanh.") == 1
    assert "what to do: Use ReLU." in shown.out
    assert "log: " in shown.out
    assert "TFC w4a4 on MNIST" in shown.out, "the others are shown"
    assert "MVAU_0" in shown.out
    assert "Traceback" not in shown.out + shown.err


def test_json_is_all_that_is_on_standard_output(
    as_command: list[str], runner: Inspector, capsys: pytest.CaptureFixture[str]
) -> None:
    runner.refused = "w4a4"
    arguments = ("TFC", "--bits", "2,2", "--bits", "4,4", "--json")
    assert main(["inspect", *arguments, *as_command]) == Exit.STAGE_FAILED
    told = json.loads(capsys.readouterr().out)
    good, bad = told["networks"]
    assert (good["network"], good["weight_bits"], good["can_be_built"]) == ("TFC", 2, True)
    assert good["designs"][0]["bottleneck"] == "MVAU_0"
    assert (bad["can_be_built"], bad["what_to_do"]) == (False, "Use ReLU.")
    assert "designs" not in bad
    assert told["run"]["seconds"] > 0


def test_a_grid_is_inspected_as_its_run_does_it(
    as_command: list[str],
    runner: Inspector,
    grid_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["inspect", str(grid_file), *as_command]) == Exit.OK
    assert "A run: about" in capsys.readouterr().out
    runner.ran.clear()
    assert main(["run", str(grid_file), *as_command, "--only", "train"]) == Exit.OK
    assert {name.split()[0] for name in runner.ran} == {"dataset", "train"}


def test_a_mistake_is_one_of_the_command_line(
    as_command: list[str], runner: Inspector, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "TFD", *as_command]) == Exit.CONFIG
    assert "Did you mean 'TFC'?" in capsys.readouterr().err
    assert runner.ran == []
