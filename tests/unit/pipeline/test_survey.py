"""The survey: decided once, looked up once, and after a run what a new one would say."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from built_archive import Built, command_line
from fakes import FakeRunner

from bench.cli import main
from bench.console.events import Emit
from bench.errors import Exit
from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.pipeline import Resolver, Survey, Task, execute, plan, survey
from bench.runners import Job
from bench.runners.wire import Result
from bench.session.lazy import SUMMARIES
from bench.store import DamageError, Entry, Manifest
from bench.words import State, Status

COMMANDS = (["run"], ["plan"], ["report"], ["claims"], ["export"], ["why"])
NO_VIVADO = "XILINX_VIVADO is not set: no bitstream"


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points each call of `plan` is about, whichever module calls it."""
    calls: list[int] = []

    def counting(points: Sequence[Point], *stages: Any) -> list[Task]:
        calls.append(len(points))
        return plan(points, *stages)

    for name in SUMMARIES:
        import_module(f"bench.commands.{name}")
    for module in list(sys.modules.values()):
        if module.__name__.startswith("bench.") and vars(module).get("plan") is plan:
            monkeypatch.setattr(module, "plan", counting)
    return calls


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_plans_once_and_reads_everything_once(
    on_built: Built,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    planned: list[int],
    words: list[str],
) -> None:
    read: Counter[tuple[str, Path]] = Counter()
    manifest_of, metrics_of = Manifest.read, Entry.metrics

    def manifest(folder: Path) -> Manifest:
        read["manifest", folder] += 1
        return manifest_of(folder)

    def metrics(entry: Entry) -> dict[str, Any]:
        read["metrics", entry.folder] += 1
        return metrics_of(entry)

    monkeypatch.setattr(Manifest, "read", manifest)
    monkeypatch.setattr(Entry, "metrics", metrics)
    main(command_line(words, on_built, tmp_path))
    assert len(planned) == 1
    assert {kind for kind, _ in read} == {"manifest", "metrics"}
    # A run reads again what it verifies.
    assert max(read.values()) <= (2 if words == ["run"] else 1)


def test_checking_an_archive_plans_once(built: Built, planned: list[int]) -> None:
    assert main(["verify", str(built.packed)]) == Exit.OK
    assert planned == [len(built.experiments)]


def infeasible(runner: FakeRunner, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the compilation of a point find that it cannot be."""
    run = runner.run

    def refuse(job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        result = run(job, emit, cancelled)
        odd = job.request.stage == "compile" and job.task == point
        return replace(result, status="infeasible", reason="PE 8 of 10") if odd else result

    monkeypatch.setattr(runner, "run", refuse)


def states(found: Survey) -> list[State]:
    return [found.state_of(point) for point in found.points]


def test_what_became_of_points_is_data(
    experiments: Sequence[Point],
    resolver: Resolver,
    runner: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = survey(experiments, resolver)
    assert states(nothing) == [State(status=Status.MISSING, stage="dataset")] * 4
    low, high, other, last = experiments
    last = replace(last, needs_bitstream=True)
    infeasible(runner, high.name, monkeypatch)
    runner.fail_on("size", low.name)
    points = (low, high, other, last)
    execute(plan(points), resolver, 2, 2, lambda event: None)
    found = survey(points, resolver)
    # The synthesis that is skipped stops nothing but a measurement that needs its bitstream.
    assert states(found) == [
        State(status=Status.FAILED, stage="size", reason="It broke."),
        State(status=Status.INFEASIBLE, stage="compile", reason="PE 8 of 10"),
        State(status=Status.DONE),
        State(status=Status.SKIPPED, stage="synthesize", reason=NO_VIVADO),
    ]
    steps = found.steps_of(high)
    assert (steps["size"].status, steps["size"].reason) == ("skipped", "compile infeasible")
    assert (steps["measure"].status, steps["measure"].reason) == ("skipped", "compile infeasible")
    steps = found.steps_of(low)
    assert (steps["measure"].status, steps["measure"].reason) == ("missing", "simulate missing")
    assert found.state_of(low.training) == State(status=Status.DONE)
    assert [*found.steps_of(low.training)] == ["dataset", "train"]
    assert {step.stage for step in found.steps.values() if step.lack} == {"synthesize"}


def test_what_a_run_would_skip_in_the_end_is_skipped_from_the_start(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    found = survey([replace(experiments[0], needs_bitstream=True)], resolver)
    skipped = {step.stage: step.reason for step in found.steps.values() if step.status == "skipped"}
    assert skipped == {"synthesize": NO_VIVADO, "measure": NO_VIVADO}
    assert "measure" not in {task.stage.name for task in found.missing}


def test_after_a_run_the_survey_says_what_a_new_one_would(
    experiments: Sequence[Point],
    resolver: Resolver,
    runner: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    infeasible(runner, experiments[1].name, monkeypatch)
    runner.fail_on("size", experiments[2].name)
    before = survey(experiments, resolver)
    stages = [stage for name, stage in all_stages().items() if name != "measure"]
    for wanted in (experiments[:1], experiments[:3], experiments):
        tasks = before.tasks_for(wanted, stages)
        summary = execute(tasks, resolver, 2, 2, lambda event: None)
        looked_up: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resolver.store, "find", lambda *key, seen=looked_up: seen.append(key))
            made = {task: outcome.entry for task, outcome in summary.outcomes.items()}
            after = before.after(made, resolver)
        fresh = survey(experiments, resolver)
        assert after == fresh
        assert after.chains == fresh.chains
        assert not looked_up
        before = after


def test_an_artifact_whose_inputs_a_run_has_made_again_is_found_after_it(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    for entry in list(resolver.store.entries()):
        if entry.manifest.stage == "train":
            resolver.store.remove(entry.folder)
    before = survey(experiments, resolver)
    assert {state.status for state in states(before)} == {"missing"}
    stages = all_stages()
    tasks = before.tasks_for(experiments, (stages["dataset"], stages["train"]))
    summary = execute(tasks, resolver, 2, 2, lambda event: None)
    made = {task: outcome.entry for task, outcome in summary.outcomes.items()}
    assert {state.status for state in states(before.after(made, resolver))} == {"done"}


def test_what_is_damaged_is_missing_for_a_run_and_an_error_for_a_report(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    survey(experiments, resolver).require_sound()
    path = next(resolver.store.root.glob("measure/*/manifest.json"))
    path.chmod(0o644)
    path.write_text("{}")
    found = survey(experiments, resolver)
    assert [task.stage.name for task in found.missing] == ["measure"]
    assert {state.status for state in states(found)} == {"done", "missing"}
    with pytest.raises(DamageError):
        found.require_sound()


def test_the_runner_that_made_the_most_counts(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    other = FakeRunner()
    other.recipe_text = "another recipe"
    others = Resolver(resolver.store, dict.fromkeys(resolver.runners, other))
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    execute(plan(experiments[:1]), others, 2, 2, lambda event: None)
    made = survey(experiments, resolver)
    assert survey(experiments, others, resolver) == survey(experiments, resolver, others) == made
    assert survey(experiments, others) != made
