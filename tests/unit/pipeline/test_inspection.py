"""A training starts only when something can be built of its network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import GRID, FakeRunner, write_grid

from bench.errors import Exit, StageFailure
from bench.flows import all_stages
from bench.grids.experiment import Point, expand, references
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, Summary, execute, look_up, plan, survey
from bench.pipeline.forecast import forecast
from bench.runners import Job
from bench.runners.wire import Result
from bench.session.grids import open_grid
from bench.words import State, Status

BEFORE = {"dataset", "draft", "inspect"}
LATER = ("train", "export", "compile", "size", "map", "simulate", "measure")


def run(points: Sequence[Point], resolver: Resolver) -> Summary:
    """As `bench run` does."""
    found = survey(points, resolver)
    tasks = found.tasks_for(points, [*all_stages().values()])
    return execute(tasks, resolver, jobs=2, cpus=2, emit=lambda event: None)


def ran(runner: FakeRunner) -> set[str]:
    """The stages that ran since this was last asked."""
    stages = {name.split()[0] for name in runner.ran}
    runner.ran.clear()
    return stages


def finding(runner: FakeRunner, monkeypatch: pytest.MonkeyPatch, status: Status) -> None:
    """Let inspections end with `status` from now on."""
    real = runner.run

    def inspected(job: Job, *others) -> Result:  # noqa: ANN002
        result = real(job, *others)
        is_inspection = job.request.stage == "inspect"
        return replace(result, status=status, reason="No folding.") if is_inspection else result

    monkeypatch.setattr(runner, "run", inspected)


def test_what_cannot_be_compiled_is_not_trained(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    def refuse(job: Job) -> None:
        if job.request.stage == "inspect":
            raise StageFailure("FINN+ has no hardware layer for Tanh.", "Use another.", job.log)

    runner.before = refuse
    summary = run(experiments, resolver)
    assert ran(runner) == BEFORE
    assert summary.exit_code == Exit.STAGE_FAILED
    assert {error.what for error in summary.errors} == {"FINN+ has no hardware layer for Tanh."}
    found = survey(experiments, resolver)
    state = State(status=Status.FAILED, stage="inspect", reason=summary.errors[0].what)
    assert {found.state_of(point) for point in experiments} == {state}
    steps = found.steps_of(experiments[0])
    assert (steps["train"].status, steps["train"].reason) == (Status.MISSING, "inspect failed")
    assert steps["inspect"].log is not None
    runner.before = lambda job: None
    run(experiments, resolver)
    assert ran(runner) == {"inspect", *LATER}, "a failure is tried again"


def test_where_no_folding_can_be_nothing_is_trained(
    experiments: Sequence[Point],
    resolver: Resolver,
    runner: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finding(runner, monkeypatch, Status.INFEASIBLE)
    assert run(experiments, resolver).exit_code == Exit.OK
    assert ran(runner) == BEFORE
    found = survey(experiments, resolver)
    state = State(status=Status.INFEASIBLE, stage="inspect", reason="No folding.")
    assert found.state_of(experiments[0]) == state
    training = experiments[0].training
    assert training is not None
    assert found.state_of(training) == state
    assert found.missing == []
    run(experiments, resolver)
    assert ran(runner) == set(), "a finding is kept"


def test_what_is_trained_needs_no_inspection(
    experiments: Sequence[Point],
    resolver: Resolver,
    runner: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(experiments, resolver)
    for entry in list(resolver.store.entries()):
        if entry.manifest.stage in {"draft", "inspect", "compile"}:
            resolver.store.remove(entry.folder)
    ran(runner)
    found = survey(experiments, resolver)
    assert {task.stage.name for task in found.missing} == set(LATER) - {"train", "export"}
    assert found.steps_of(experiments[0]).keys().isdisjoint({"draft", "inspect"})
    run(experiments, resolver)
    assert ran(runner) == {"compile"}
    assert survey(experiments, resolver).state_of(experiments[0]) == State(status=Status.DONE)
    # An inspection from elsewhere changes nothing either.
    finding(runner, monkeypatch, Status.INFEASIBLE)
    tasks = plan(experiments)
    execute([t for t in tasks if t.stage.name in BEFORE], resolver, 1, 1, lambda event: None)
    assert execute(tasks, resolver, 1, 1, lambda event: None).count("kept") == 29
    assert survey(experiments, resolver).state_of(experiments[0]) == State(status=Status.DONE)


def test_a_training_does_not_depend_on_the_foldings_that_were_inspected(
    tmp_path: Path, resolver: Resolver, runner: FakeRunner
) -> None:
    path = write_grid(tmp_path, GRID.replace('["low", "max"]', '["low"]'))
    run(expand(load_grid(path)), resolver)
    ran(runner)
    path.write_text(GRID)
    run(expand(load_grid(path)), resolver)
    assert ran(runner) == set(LATER) - {"train", "export"}


def test_references_are_trained_at_once(
    tmp_path: Path, resolver: Resolver, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a design has the same training."""
    path = write_grid(tmp_path, GRID.replace("epochs = 2", "epochs = 2\nreferences = [[4, 4]]"))
    grid = load_grid(path)
    finding(runner, monkeypatch, Status.INFEASIBLE)
    points = (*expand(grid), *references(grid))
    run(points, resolver)
    trained = [name for name in runner.ran if name.startswith("train")]
    assert trained == ["train tfc-mnist-w4a4-s1"]
    assert ran(runner) == {*BEFORE, *LATER}


def test_a_machine_that_cannot_inspect_trains_nevertheless(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    runner.lacking["finn"] = "no compiler"
    run(experiments, resolver)
    assert ran(runner) == {"dataset", "draft", "train", "export"}


def test_trainings_of_one_row_are_inspected_too(
    tmp_path: Path, resolver: Resolver, runner: FakeRunner
) -> None:
    grid = open_grid(write_grid(tmp_path))
    (training,) = grid.choose(("tfc-mnist-w2a2-s1",))
    found = survey(grid.points, resolver)
    tasks = found.tasks_for((training,), [*all_stages().values()])
    execute(tasks, resolver, 1, 1, lambda event: None)
    assert ran(runner) == {*BEFORE, "train"}


def test_a_plan_counts_no_training_where_no_folding_can_be(
    tmp_path: Path, resolver: Resolver
) -> None:
    path = write_grid(tmp_path, GRID.replace('["low", "max"]', '["mid-original"]'))
    points = expand(load_grid(path))
    tasks = plan(points)
    expected = forecast(tasks, look_up(tasks, resolver, points), resolver.runners, 2, None, {})
    to_run = {stage.stage: stage.to_run for stage in expected.stages}
    assert to_run == {
        "dataset": 1, "draft": 2, "inspect": 2,
        **dict.fromkeys((*LATER, "synthesize"), 0),
    }  # fmt: skip


def test_a_training_of_several_seeds_is_inspected_once(
    tmp_path: Path, resolver: Resolver, runner: FakeRunner
) -> None:
    path = write_grid(tmp_path, GRID.replace("seeds = [1]", "seeds = [1, 2, 3]"))
    run(expand(load_grid(path)), resolver)
    inspected = [name for name in runner.ran if name.startswith(("draft", "inspect"))]
    names = ("tfc-mnist-w2a2", "tfc-mnist-w4a4")
    assert sorted(inspected) == sorted(f"{s} {n}" for s in ("draft", "inspect") for n in names)
