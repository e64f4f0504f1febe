"""The command line: help, exit codes, messages a person can act on."""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from fakes import FakeRunner

from bench.cli import Explainer, main
from bench.console.events import Emit
from bench.errors import EXIT_MEANING, Exit, StageFailure
from bench.grids.experiment import Point
from bench.pipeline import Resolver, execute, plan
from bench.runners import Job
from bench.runners.wire import Result
from bench.session import grids, overrides
from bench.session.lazy import SUMMARIES
from bench.store import Store

COMMANDS = (
    [], ["plan"], ["run"], ["report"], ["claims"], ["why"], ["doctor"],
    ["board"], ["board", "trust"], ["board", "probe"], ["board", "serve"],
    ["compare"], ["export"], ["verify"], ["inspect"], ["search"],
    ["store"], ["store", "ls"], ["store", "show"], ["store", "verify"], ["store", "gc"],
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Examples:" in shown
    assert f"bench {command[0]}" in shown if command else "Exit codes:" in shown
    examples = shown.split("Examples:\n")[1].split("\n\n")[0].splitlines()
    assert all(line.startswith("    bench ") for line in examples), shown
    assert not [line for line in shown.splitlines() if len(line) > 80]


def test_every_exit_code_has_a_meaning() -> None:
    assert set(EXIT_MEANING) == set(Exit)


def test_plan_of_an_empty_store(
    grid_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["plan", str(grid_file), "--runner", "venv", "--store", str(tmp_path / "s")]
    assert main(arguments) == Exit.OK
    shown = capsys.readouterr().out
    assert "4 experiments" in shown
    assert "tfc-mnist-w2a2-s1" not in shown
    assert main([*arguments, "--tasks"]) == Exit.OK
    assert "train    tfc-mnist-w2a2-s1  (serves 2 experiments)" in capsys.readouterr().out


def test_a_wrong_file_is_exit_2_with_a_remedy(
    grid_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid_file.write_text(grid_file.read_text().replace('"MNIST"', '"MNITS"'))
    assert main(["run", str(grid_file)]) == Exit.CONFIG
    shown = capsys.readouterr().err
    assert "train.dataset = 'MNITS' is not known" in shown
    assert "what to do: Did you mean 'MNIST'?" in shown


@pytest.mark.parametrize(
    ("excerpt", "shown"),
    [(None, ["the end of the log"]), ("", []), ("line 3\n  x = 1 / 0", ["line 3", "  x = 1 / 0"])],
)
def test_an_error_with_an_excerpt_shows_that_and_where_the_log_is(
    excerpt: str | None, shown: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.txt"
    log.write_text("the end of the log\n")
    Explainer(debug=False).explain(StageFailure("It broke.", "Mend it.", log, excerpt))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: It broke."
    assert [line.removeprefix("  | ") for line in lines[1:-2]] == shown
    assert lines[-2] == "what to do: Mend it."
    assert lines[-1] == f"log: {log}"


def test_wrong_usage_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "x.toml", "--only", "trian"]) == Exit.CONFIG
    assert "trian" in capsys.readouterr().err


def test_a_store_that_cannot_be_is_exit_5(
    grid_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["run", str(grid_file), "--store", str(tmp_path / "file")]) == Exit.STORE
    assert "what to do:" in capsys.readouterr().err


def test_a_cluster_without_dask_is_refused_with_the_command_that_installs_it(
    grid_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in sys.modules if name.startswith("bench.cluster")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)  # as where it is not installed
    arguments = ["run", str(grid_file), "--runner", "venv", "--store", str(tmp_path / "s")]
    assert main([*arguments, "--scheduler", "tcp://127.0.0.1:1"]) == Exit.ENVIRONMENT
    said = capsys.readouterr().err
    assert "Dask is not installed" in said
    assert "make cluster" in said


def test_no_compiler_is_said_before_anything_is_trained(
    grid_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    arguments = ["run", str(grid_file), "--runner", "venv", "--store", str(tmp_path / "s")]
    assert main(arguments) == Exit.ENVIRONMENT
    captured = capsys.readouterr()
    assert "No C++ compiler" in captured.err
    assert "started" not in captured.out


def test_verify_finds_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "verify", "--store", str(tmp_path)]) == Exit.OK
    assert "There are no artifacts in" in capsys.readouterr().out


def test_show_of_an_unknown_key_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "show", "beef", "--store", str(tmp_path)]) == Exit.CONFIG
    assert "no artifact has a key starting with 'beef'" in capsys.readouterr().err


def test_gc_keeps_what_a_grid_names_and_drops_the_rest(
    grid_file: Path,
    store: Store,
    experiments: tuple[Point, ...],
    runner: FakeRunner,
    resolver: Resolver,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    runner.fail_on("measure", experiments[0].name)
    execute(plan(experiments), resolver, jobs=2, cpus=2, emit=lambda event: None)
    grid_file.write_text(grid_file.read_text().replace("[[2, 2], [4, 4]]", "[[2, 2]]"))
    command = ["store", "gc", str(grid_file), *as_command]
    assert main([*command, "--dry-run"]) == Exit.OK
    assert len(list(store.entries())) == 28
    assert main(command) == Exit.OK
    left = [entry.manifest.name for entry in store.entries()]
    assert len(left) == 14
    assert not any("w4a4" in name for name in left)
    assert list((store.root / "failed").iterdir()) == []
    assert "freed" in capsys.readouterr().out


def test_gc_keeps_what_runs_made_that_changed_a_grid(
    grid_file: Path, store: Store, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    def images() -> list[int]:
        made = store.entries()
        return sorted(e.manifest.spec["images"] for e in made if e.manifest.stage == "simulate")

    for options in ([], ["--images", "20"], ["--images", "30", "--trace", "25"]):
        run = ["run", str(grid_file), "--only", "simulate", *as_command]
        assert main([*run, *options]) == Exit.OK
    gc = ["store", "gc", str(grid_file), *as_command]
    assert main(gc) == Exit.OK
    assert images() == [20] * 4 + [30] * 4 + [1000] * 4
    assert main([*gc, "--as-written", "--dry-run"]) == Exit.OK
    assert "would remove" in capsys.readouterr().out
    assert len(images()) == 12
    assert main([*gc, "--as-written"]) == Exit.OK
    assert images() == [1000] * 4
    assert list((store.root / overrides.FOLDER).iterdir()) == []


def test_gc_says_which_earlier_run_can_be_no_more(
    grid_file: Path, store: Store, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    overrides.record(store.root, "test", grids.Changes(trace_images=900))
    grid_file.write_text(grid_file.read_text() + "[simulate]\nimages = 10\n")
    assert main(["store", "gc", str(grid_file), *as_command]) == Exit.OK
    assert "is no longer valid: Waveforms of 900 images" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["{", "[]", '{"picture": 3}', '{"boards": 3}'])
def test_a_damaged_record_of_a_run_keeps_gc_from_removing_anything(
    grid_file: Path,
    store: Store,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
    text: str,
) -> None:
    overrides.record(store.root, "test", grids.Changes(images=20))
    (path,) = (store.root / overrides.FOLDER / "test").iterdir()
    path.write_text(text)
    assert main(["store", "gc", str(grid_file), *as_command]) == Exit.STORE
    shown = capsys.readouterr()
    assert "does not say what a run changed" in shown.err
    assert "removed" not in shown.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--jobs", "0"], "neither 'auto' nor a number"),
        (["--jobs", "many"], "neither 'auto' nor a number"),
        (["--memory", "0"], "0"),
        (["--images", "1"], "1"),
        (["--trace", "5", "--images", "4"], "Waveforms of 5 images"),
        (["--netlist", "0"], "0"),
        (["--runner", "venv", "--memory", "0.1"], "stage 'export' alone takes"),
    ],
)
def test_options_that_cannot_be(
    grid_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    says: str,
) -> None:
    arguments = ["run", str(grid_file), "--store", str(tmp_path / "s"), *options]
    assert main(arguments) == Exit.CONFIG
    assert says in " ".join(capsys.readouterr().err.split())


def test_the_command_line_changes_the_simulation(grid_file: Path, tmp_path: Path) -> None:
    changes = grids.Changes(images=10000, exact=True, trace_images=2)
    experiments = grids.open_grid(grid_file, changes).experiments
    specs = [experiment.specs["simulate"] for experiment in experiments]
    assert specs == [{"images": 10000, "exact": True, "trace_images": 2}] * len(experiments)
    assert {experiment.specs["map"]["netlist"] for experiment in experiments} == {0}
    unchanged = grids.open_grid(grid_file).experiments
    assert {experiment.specs["simulate"]["images"] for experiment in unchanged} == {1000}


def test_netlists_are_simulated_on_request(grid_file: Path) -> None:
    changes = grids.Changes(netlist=3)
    assert changes.options == ("--netlist", "3")
    experiments = grids.open_grid(grid_file, changes).experiments
    assert [experiment.specs["map"] for experiment in experiments] == [{"netlist": 3}] * 4
    grid_file.write_text(grid_file.read_text() + "\n[map]\nnetlist = 5\n")
    experiments = grids.open_grid(grid_file).experiments
    assert {experiment.specs["map"]["netlist"] for experiment in experiments} == {5}


def test_help_says_of_every_command_what_the_command_says_of_itself() -> None:
    for name, summary in SUMMARIES.items():
        command = import_module(f"bench.commands.{name}").command
        assert command.get_short_help_str(limit=200) == summary, name


def test_a_list_of_artifacts_fits_a_terminal_and_is_a_line_each_elsewhere(
    experiments: tuple[Point, ...],
    resolver: Resolver,
    as_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    execute(plan(experiments), resolver, jobs=2, cpus=2, emit=lambda event: None)
    at = as_command[:2]
    assert main(["store", "ls", *at]) == Exit.OK
    plain = capsys.readouterr().out.splitlines()
    assert len(plain) == 1 + len(list(resolver.store.entries()))
    monkeypatch.setenv("TERM", "dumb")  # 80 columns, and no colours
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["store", "ls", *at]) == Exit.OK
    drawn = capsys.readouterr().out
    assert max(map(len, drawn.splitlines())) <= 80
    assert all(line.split()[0] in drawn for line in plain)


def test_what_was_done_is_counted_alike_in_every_sentence(
    grid_file: Path, as_command: list[str], resolver: Resolver, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Also where all that was left to do is to find that a design cannot be."""
    made = FakeRunner.run

    def refuse(self: FakeRunner, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        result = made(self, job, emit, cancelled)
        if job.request.stage == "compile":
            return replace(result, status="infeasible", reason="PE 8 does not divide 10")
        return result

    monkeypatch.setattr(FakeRunner, "run", refuse)
    text = grid_file.read_text().replace("[[2, 2], [4, 4]]", "[[2, 2]]")
    grid_file.write_text(text.replace('["low", "max"]', '["low"]'))
    command = [str(grid_file), *as_command]
    assert main(["run", *command, "--only", "inspect"]) == Exit.OK
    capsys.readouterr()
    assert main(["run", *command]) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    done = re.search(r"(\d+) tasks? done \(1 infeasible\), ", shown)
    took = re.search(r"(\d+) tasks? took ", shown)
    assert done is not None, shown
    assert took is not None, shown
    assert done[1] == took[1]


def test_a_plan_of_which_a_part_has_run_before_does_not_say_that_nothing_has(
    grid_file: Path, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = grid_file.read_text()
    grid_file.write_text(text.replace("[[2, 2], [4, 4]]", "[[2, 2]]"))
    assert main(["run", str(grid_file), *as_command, "--only", "train"]) == Exit.OK
    grid_file.write_text(text)
    capsys.readouterr()
    assert main(["plan", str(grid_file), *as_command]) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 run" in shown
    assert "Most of the time is from defaults, as nothing of that has run yet" in shown
