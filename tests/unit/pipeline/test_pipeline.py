"""The pipeline: what is shared, kept, rebuilt, skipped; failures and interrupts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeRunner

from bare_runner import ENVIRONMENTS
from bench.console.events import Emit, Event, Finished, Note
from bench.errors import Exit
from bench.flows import all_stages, flow_named, up_to
from bench.grids.experiment import Point
from bench.pipeline import Resolver, Summary, execute, look_up, plan
from bench.runners import Job
from bench.runners.wire import Result
from bench.store import Store
from bench.words import State, Status

NAME = "tfc-mnist-w2a2-s1"
GIVEN = """
from dataclasses import dataclass

from contract.stage import Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class GivenSpec:
    file: str = "trained.onnx"


STAGE = Stage(
    name="given", provides="export", needs=("dataset",), summary="given", environment="host",
    entry="given:take", spec=GivenSpec, scope=Scope.TRAINING,
    cost=Cost(seconds=1, memory=1, disk=1),
)
"""


def run(
    experiments: Sequence[Point],
    resolver: Resolver,
    emit=lambda event: None,  # noqa: ANN001
) -> Summary:
    return execute(plan(experiments), resolver, jobs=2, cpus=2, emit=emit)


def test_one_training_serves_every_folding(experiments) -> None:  # noqa: ANN001
    tasks = plan(experiments)
    per_stage = {s.name: sum(t.stage is s for t in tasks) for s in all_stages().values()}
    assert per_stage == {
        "dataset": 1, "draft": 2, "inspect": 2, "search": 0, "train": 2, "export": 2,
        "model": 0, "import": 0,
        "compile": 4, "size": 4, "map": 4, "simulate": 4, "synthesize": 4, "measure": 4,
    }  # fmt: skip
    position = {task.id: number for number, task in enumerate(tasks)}
    for task in tasks:
        assert all(position[other] < position[task.id] for other in task.waits_for)


def test_only_takes_a_stage_and_what_it_needs() -> None:
    names = [stage.name for stage in up_to("train", flow_named("finn").all_stages)]
    assert names == ["dataset", "draft", "inspect", "train"]


def test_only_takes_whatever_provides_what_is_asked_for() -> None:
    names = [stage.name for stage in up_to("export", flow_named("finn").all_stages)]
    assert names == ["dataset", "draft", "inspect", "train", "export", "model", "import"]


def test_another_stage_may_provide_what_later_ones_need(
    experiments: Sequence[Point], resolver: Resolver, extension: Callable[[str, str], Path]
) -> None:
    extension("given.py", GIVEN)
    names = [stage.name for stage in flow_named("finn").all_stages]
    assert names[8:10] == ["given", "compile"]
    specs = {name: experiments[0].specs[name] for name in ("dataset", "compile", "size")}
    point = replace(experiments[0], specs={**specs, "given": {"file": "trained.onnx"}})
    tasks = {task.stage.name: task for task in plan([point])}
    assert tasks["compile"].needs == {"export": tasks["given"].id}
    found = look_up(tasks.values(), resolver, [point])
    assert found.state_of(point) == State(status=Status.MISSING, stage="dataset")
    summary = run([point], resolver)
    assert summary.count("done") == 4
    compiled = summary.outcomes[tasks["compile"].id].entry
    assert compiled is not None
    assert compiled.manifest.inputs.keys() == {"export"}
    assert look_up(tasks.values(), resolver, [point]).state_of(point) == State(status=Status.DONE)


def test_a_second_run_does_nothing(experiments, resolver, runner, seen) -> None:  # noqa: ANN001
    first = run(experiments, resolver)
    assert (first.count("done"), first.exit_code) == (29, Exit.OK)
    assert len(runner.ran) == len(set(runner.ran)) == 29
    second = run(experiments, resolver, seen.append)
    assert (second.count("kept"), len(runner.ran)) == (29, 29)
    assert {event.status for event in seen if isinstance(event, Finished)} == {"kept", "skipped"}
    assert second.count("skipped") == 4


def test_manifests_name_the_checkout_and_their_content_does_not_depend_on_it(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    summary = run(experiments[:1], resolver)
    manifests = [o.entry.manifest for o in summary.outcomes.values() if o.entry]
    assert manifests
    assert {manifest.checkout["tree"] for manifest in manifests} <= {"clean", "changed", "unknown"}
    for manifest in manifests:
        other = replace(manifest, checkout={"commit": "0" * 40, "tree": "clean"})
        assert other.content_hash == manifest.content_hash


def test_without_vivado_only_what_needs_a_bitstream_is_skipped(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    summary = run([replace(e, needs_bitstream=True) for e in experiments], resolver)
    skipped = {o.task.stage.name for o in summary.outcomes.values() if o.status == "skipped"}
    assert skipped == {"synthesize", "measure"}
    assert {o.reason for o in summary.outcomes.values() if o.status == "skipped"} == {
        "XILINX_VIVADO is not set: no bitstream"
    }
    runner.lacking.clear()
    again = run([replace(e, needs_bitstream=True) for e in experiments], resolver)
    assert again.count("skipped") == 0
    measured = [name for name in runner.ran if name.startswith("measure")]
    assert len(measured) == len(experiments)


def test_another_spec_reruns_only_what_depends_on_it(experiments, resolver, runner) -> None:  # noqa: ANN001
    run(experiments, resolver)
    runner.ran.clear()
    fewer = {"simulate": {**experiments[0].specs["simulate"], "images": 7}}
    run([replace(e, specs={**e.specs, **fewer}) for e in experiments], resolver)
    assert {name.split()[0] for name in runner.ran} == {"simulate", "measure"}


def test_an_input_rebuilt_with_equal_content_stops_the_cascade(
    experiments: Sequence[Point], store: Store, resolver: Resolver, runner: FakeRunner
) -> None:
    run(experiments, resolver)
    runner.ran.clear()
    for entry in list(store.entries()):
        if entry.manifest.stage in ("dataset", "train"):
            store.remove(entry.folder)
    run(experiments, resolver)
    assert {name.split()[0] for name in runner.ran} == {"dataset", "train"}


def test_another_recipe_is_another_key(experiments, store, runner) -> None:  # noqa: ANN001
    run(experiments, Resolver(store, dict.fromkeys(ENVIRONMENTS, runner)))
    other = FakeRunner()
    other.recipe_text = "changed lock"
    run(experiments, Resolver(store, dict.fromkeys(ENVIRONMENTS, runner) | {"finn": other}))
    assert {name.split()[0] for name in other.ran} == {
        "inspect", "compile", "size", "map", "simulate",
    }  # fmt: skip


def test_nothing_is_prepared_for_what_an_infeasible_design_blocks(
    experiments: Sequence[Point],
    resolver: Resolver,
    runner: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = runner.run

    def refuse(job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        result = made(job, emit, cancelled)
        odd = job.request.stage == "compile" and job.task == f"{NAME}-max"
        return (
            replace(result, status="infeasible", reason="PE 8 does not divide 10")
            if odd
            else result
        )

    monkeypatch.setattr(runner, "run", refuse)
    prepared: list[str] = []
    monkeypatch.setattr(runner, "check", prepared.append)
    assert run(experiments, resolver).count("infeasible") == 1
    assert set(prepared) == {"host", "train", "finn"}
    prepared.clear()
    assert run(experiments, resolver).count("kept") == len(runner.ran)
    assert prepared == []


def test_a_failure_stops_only_what_depends_on_it(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, seen: list[Event]
) -> None:
    runner.fail_on("compile", f"{NAME}-max")
    summary = run(experiments, resolver, seen.append)
    assert (summary.count("failed"), summary.count("skipped"), summary.count("done")) == (1, 8, 24)
    assert summary.exit_code == Exit.STAGE_FAILED
    skipped = {
        (e.stage, e.detail) for e in seen if isinstance(e, Finished) and e.status == "skipped"
    }
    assert skipped == {
        ("size", "compile failed"),
        ("map", "compile failed"),
        ("simulate", "compile failed"),
        ("measure", "compile failed"),
        ("synthesize", "XILINX_VIVADO is not set: no bitstream"),
    }


def test_a_failure_is_kept_with_its_log_and_tried_again(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    runner.fail_on("compile", f"{NAME}-max")
    error = run(experiments, resolver).errors[0]
    assert error.log is not None
    assert error.log.read_text() == f"working on {NAME}-max\n"
    manifest = json.loads((error.log.parent / "manifest.json").read_text())
    assert (manifest["status"], manifest["reason"]) == ("failed", "It broke.")
    runner.before = lambda job: None
    runner.ran.clear()
    assert run(experiments, resolver).exit_code == Exit.OK
    assert sorted(runner.ran) == sorted(
        f"{stage} {NAME}-max" for stage in ("compile", "size", "map", "simulate", "measure")
    )


def test_a_corrupted_artifact_is_found_said_and_made_again(
    experiments: Sequence[Point],
    store: Store,
    resolver: Resolver,
    runner: FakeRunner,
    seen: list[Event],
) -> None:
    run(experiments, resolver)
    entry = next(e for e in store.entries() if e.manifest.stage == "export")
    victim = entry.files / "metrics.json"
    victim.chmod(0o644)
    victim.write_text("{}")
    runner.ran.clear()
    summary = run(experiments, resolver, seen.append)
    assert summary.exit_code == Exit.OK
    assert runner.ran == [f"export {entry.manifest.name}"]
    notes = [event.text for event in seen if isinstance(event, Note)]
    assert any("corrupted" in text and "making it again" in text for text in notes)


def test_a_full_disk_is_a_store_error_and_costs_one_stage(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    def fill(job: Job) -> None:
        if job.request.stage == "simulate":
            raise OSError(28, "No space left on device", str(job.request.outputs))

    runner.before = fill
    summary = run(experiments, resolver)
    assert summary.exit_code == Exit.STORE
    assert "No space left" in summary.errors[0].what
    kept = [path for path in (resolver.store.root / "failed").rglob("*") if path.is_file()]
    assert {path.name for path in kept} == {"log.txt", "manifest.json", "request.json"}
    assert summary.count("done") == 21


def test_a_file_in_the_place_of_a_stage_is_said_without_noise(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    """One that comes there during the run; what is there before stops it."""
    runner.before = lambda job: (resolver.store.root / "measure").touch()
    summary = run(experiments, resolver)
    assert summary.exit_code == Exit.STORE
    for error in summary.errors:
        assert error.what == f"{resolver.store.root / 'measure'}: File exists."
        assert "Delete or rename it" in error.remedy
        assert not getattr(error, "__notes__", [])


def test_an_interrupt_leaves_no_half_written_artifact(
    experiments: Sequence[Point], store: Store, resolver: Resolver, runner: FakeRunner
) -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, Finished) and event.stage == "train":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(experiments, resolver, interrupt)
    assert list((store.root / "tmp").iterdir()) == []
    assert all(entry.damage() == [] for entry in store.entries())
    assert run(experiments, resolver).exit_code == Exit.OK


def test_two_runs_side_by_side_do_everything_once(
    experiments: Sequence[Point], store: Store, runner: FakeRunner
) -> None:
    environments = ENVIRONMENTS
    resolvers = [Resolver(Store(store.root), dict.fromkeys(environments, runner)) for _ in "ab"]
    summaries: list[Summary] = []
    threads = [
        threading.Thread(target=lambda r=resolver: summaries.append(run(experiments, r)))
        for resolver in resolvers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [summary.exit_code for summary in summaries] == [Exit.OK, Exit.OK]
    assert len(runner.ran) == 29


def test_a_crash_of_one_stage_is_not_cached(
    experiments: Sequence[Point], store: Store, resolver: Resolver, runner: FakeRunner
) -> None:
    runner.fail_on("dataset", "mnist")
    run(experiments, resolver)
    assert {entry.manifest.stage for entry in store.entries()} == {"draft", "inspect"}
    assert len(list((store.root / "failed" / "dataset").iterdir())) == 1


def test_manifest_says_what_made_it(experiments, store, resolver) -> None:  # noqa: ANN001
    run(experiments, resolver)
    entry = next(e for e in store.entries() if e.manifest.stage == "compile")
    manifest = entry.manifest
    assert manifest.environment["runner"] == "venv"
    assert manifest.spec["folding"] == [[2, 8], [1, 1], [1, 1], [5, 1]]
    assert set(manifest.inputs) == {"export"}
    assert manifest.tools == {"tool": "1"}
    assert Path(entry.folder).name == f"{manifest.name}--{manifest.key[:12]}"
