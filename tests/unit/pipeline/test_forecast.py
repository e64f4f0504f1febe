"""Forecasts: from earlier runs, scaled by what matters; from defaults; and dry runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeRunner

from bench import report
from bench.cli import main
from bench.console.terminal import Terminal
from bench.errors import Exit, StoreError
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.images import __main__ as images
from bench.pipeline import Forecast, Resolver, execute, forecast, history, plan, survey
from bench.pipeline.budget import GIB, Work, default_cost, ranks, works
from bench.pipeline.history import Record
from bench.pipeline.predict import Predictor
from bench.pipeline.schedule import wall_seconds
from bench.session.preview import show_bottlenecks

HOST = {"machine": "x86_64", "processors": "2", "memory_bytes": str(24 * GIB)}
HERE = history.machine_of(HOST)
TRAIN = Work("train", "TFC 32", "w2a2", "", "batches of 100", 120_000.0)
SIZE = Work("size", "TFC 32", "w2a2", "2x8", "", 0.0)


def record(work: Work, seconds: float, **changes: object) -> Record:
    made = "2026-01-01T00:00:00+00:00"
    return replace(Record("k", work, HERE, seconds, 0.0, GIB, 5, made), **changes)  # type: ignore[arg-type]


def expected(tasks_of: Sequence[Point], resolver: Resolver, jobs: int = 2) -> Forecast:
    found = survey(tasks_of, resolver, verify=True)
    return forecast(found.tasks, found, resolver.runners, jobs, None, HOST)


def run(experiments: Sequence[Point], resolver: Resolver) -> None:
    execute(plan(experiments), resolver, 2, 2, lambda event: None)


def test_without_earlier_runs_the_defaults_count() -> None:
    found = Predictor([], HERE).predict(TRAIN)
    assert found.runs == 0
    assert found.cost == default_cost(TRAIN)


def test_a_training_scales_with_epochs_and_images() -> None:
    longer = replace(TRAIN, amount=20 * TRAIN.amount)
    found = Predictor([record(TRAIN, 3 * default_cost(TRAIN).seconds)], HERE).predict(longer)
    assert found.cost.seconds == pytest.approx(3 * default_cost(longer).seconds)
    assert (found.cost.memory, found.cost.disk, found.runs) == (GIB, 5, 1)


def test_memory_scales_with_what_the_declarations_expect() -> None:
    large, small = replace(TRAIN, memory=4 * GIB), replace(TRAIN, memory=GIB // 2)
    found = Predictor([record(small, 1.0)], HERE).predict(large)
    assert found.cost.memory == 8 * GIB
    # Of a version that declared one figure for all networks.
    old = record(replace(TRAIN, memory=0), 1.0)
    assert Predictor([old], HERE).predict(large).cost.memory == 4 * GIB
    assert Predictor([old], HERE).predict(small).cost.memory == GIB


def test_disk_scales_with_what_the_declarations_expect() -> None:
    large, small = replace(TRAIN, disk=4_000, network="CNV"), replace(TRAIN, disk=1_000)
    assert Predictor([record(small, 1.0)], HERE).predict(large).cost.disk == 4 * 5
    # Of a version that declared one figure for all networks, what the same one has left.
    old = record(replace(TRAIN, disk=0), 1.0)
    assert Predictor([old], HERE).predict(small).cost.disk == 5
    assert Predictor([old], HERE).predict(large).cost.disk == 4_000


def test_a_simulation_scales_with_its_cycles(experiments: Sequence[Point]) -> None:
    work = works(plan(experiments))
    found = {
        stage: sorted({w.amount for w in work.values() if w.stage == stage})
        for stage in ("simulate", "measure")
    }
    assert found["measure"] == [11 * 64 * 1000, 11 * 4096 * 1000]  # of 11 streams
    (fast, slow), (least, most) = found["simulate"], found["measure"]
    assert slow - fast == most - least
    assert fast > least  # the model is executed, too


def test_what_is_most_like_it_counts() -> None:
    other = replace(SIZE, folding="16x64")
    bits = replace(SIZE, bits="w8a8")
    records = [record(SIZE, 10.0), record(other, 40.0), record(bits, 12.0)]
    predictor = Predictor(records, HERE)
    assert predictor.predict(SIZE).cost.seconds == 10.0
    assert predictor.predict(other).cost.seconds == 40.0
    assert predictor.predict(replace(SIZE, bits="w4a4")).cost.seconds == pytest.approx(11.0)


def test_this_machine_counts_before_others() -> None:
    elsewhere = record(SIZE, 100.0, machine="other")
    assert Predictor([elsewhere, record(SIZE, 10.0)], HERE).predict(SIZE).cost.seconds == 10.0
    found = Predictor([elsewhere], HERE).predict(SIZE)
    assert (found.cost.seconds, found.here) == (100.0, False)


def test_the_latest_runs_count() -> None:
    old = [record(SIZE, 100.0, created=f"2025-01-0{day}T00:00:00+00:00") for day in range(1, 8)]
    new = [record(SIZE, 10.0, created=f"2026-01-0{day}T00:00:00+00:00") for day in range(1, 5)]
    assert Predictor([*new, *old], HERE).predict(SIZE).cost.seconds == 10.0


def test_a_build_counts_unless_the_cache_still_has_it() -> None:
    cold = record(SIZE, 30.0, build_seconds=25.0)
    made = 1767225600.0  # 2026-01-01T00:00:00Z
    assert Predictor([cold], HERE, None).predict(SIZE).cost.seconds == 30.0
    assert Predictor([cold], HERE, made - 60).predict(SIZE).cost.seconds == 5.0
    assert Predictor([cold], HERE, made + 60).predict(SIZE).cost.seconds == 30.0
    wider = replace(SIZE, bits="w8a8")
    assert Predictor([cold], HERE, made - 60).predict(wider).cost.seconds == 30.0


def test_a_run_leaves_a_history_that_survives_the_artifacts(
    experiments: tuple[Point, ...], resolver: Resolver
) -> None:
    run(experiments, resolver)
    store = resolver.store
    entries = list(store.entries())
    assert {r.key for r in history.read(store.root)} == {e.manifest.key for e in entries}
    for entry in entries:
        store.remove(entry.folder)
    found = expected(experiments, resolver)
    assert all(stage.runs for stage in found.stages if stage.stage != "synthesize")
    assert found.from_earlier_runs
    run(experiments, resolver)
    assert len(history.read(store.root)) == 2 * len(entries)


def test_manifests_serve_where_there_is_no_history(
    experiments: tuple[Point, ...], resolver: Resolver
) -> None:
    run(experiments[:1], resolver)
    (resolver.store.root / history.FILE).unlink()
    found = expected(experiments, resolver)
    assert [(s.stage, s.cached, s.runs) for s in found.stages if s.stage == "compile"] == [
        ("compile", 1, 1)
    ]


def test_histories_are_safe_beside_other_runs_and_power_cuts(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / history.FILE).write_bytes(b'{"key": "half a li')
    one = record(SIZE, 1.0)
    threads = [
        threading.Thread(target=lambda: [history.append(tmp_path, one) for _ in range(5)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with (tmp_path / history.FILE).open("a") as file:
        file.write('[1]\n{"of": "another version"}\n\xff\n')
    assert history.read(tmp_path) == [one] * 20


def test_the_clock_counts_what_overlaps_once(experiments: Sequence[Point]) -> None:
    tasks = plan(experiments)
    missing = {task.id: 1.0 for task in tasks if task.stage.name != "synthesize"}
    chain = 8.0  # draft to measure
    rank = ranks(tasks, works(tasks))
    assert wall_seconds(tasks, missing, rank, 100, None) == chain
    assert wall_seconds(tasks, missing, rank, 1, None) == len(missing)
    assert chain < wall_seconds(tasks, missing, rank, 2, None) < len(missing)
    assert wall_seconds(tasks, missing, rank, 2, GIB // 4) == len(missing)
    assert wall_seconds(tasks, missing, rank, 100, None, {"train": 60.0}) == 60 + chain
    assert wall_seconds(tasks, {}, rank, 2, None) == 0.0


def test_what_cannot_run_is_not_counted(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    runner.lacking["finn"] = "no compiler"
    found = {stage.stage: stage for stage in expected(experiments, resolver).stages}
    assert (found["train"].to_run, found["train"].skipped) == (2, 0)
    assert (found["compile"].to_run, found["compile"].skipped) == (0, 4)
    assert (found["measure"].to_run, found["measure"].seconds) == (0, 0.0)


def test_what_stands_on_a_folding_that_cannot_be_is_not_counted(
    grid_file: Path, resolver: Resolver
) -> None:
    text = grid_file.read_text()
    grid_file.write_text(text.replace('["low", "max"]', '["low", "mid-original"]'))
    mixed = expected(expand(load_grid(grid_file)), resolver)
    grid_file.write_text(text.replace('["low", "max"]', '["low"]'))
    low = expected(expand(load_grid(grid_file)), resolver)
    stages = {stage.stage: stage for stage in mixed.stages}
    assert (stages["compile"].to_run, stages["compile"].skipped) == (4, 0), "a finding is a result"
    without = [stage for stage in low.stages if stage.stage != "compile"]
    for alone in without:
        found = stages[alone.stage]
        assert (found.to_run, found.seconds, found.disk) == (
            alone.to_run,
            alone.seconds,
            alone.disk,
        )
    assert [stages[name].skipped for name in ("size", "simulate", "measure")] == [2, 2, 2]
    compilation = stages["compile"].seconds / 4
    assert mixed.seconds == pytest.approx(low.seconds + 2 * compilation)


def test_a_damaged_metric_is_not_called_cached(
    grid_file: Path,
    experiments: tuple[Point, ...],
    resolver: Resolver,
    runner: FakeRunner,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A plan says what a run does."""
    run(experiments, resolver)
    runner.ran.clear()
    metrics = next(resolver.store.root.glob("measure/*/files/metrics.json"))
    content = metrics.read_bytes()
    metrics.unlink()
    metrics.write_bytes(content[:-2] + b" }")
    found = {stage.stage: stage for stage in expected(experiments, resolver).stages}
    assert (found["measure"].cached, found["measure"].to_run) == (3, 1)
    assert sum(stage.to_run for stage in found.values()) == 1
    assert main(["plan", str(grid_file), *as_command]) == Exit.OK
    shown = capsys.readouterr().out
    assert "Nothing to run" not in shown
    assert "a run verifies every file, and makes damaged artifacts again" in " ".join(shown.split())
    run(experiments, resolver)
    assert [line.split()[0] for line in runner.ran] == ["measure"]


@pytest.mark.parametrize(
    "name", ["measure", "train", "reports", "experiments", "failed", "cache", "cache/finn"]
)
@pytest.mark.parametrize("harm", [Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_file_in_the_place_of_a_folder_stops_a_plan_as_it_does_a_run(
    grid_file: Path,
    resolver: Resolver,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
    name: str,
    harm: Callable[[Path], None],
) -> None:
    path = resolver.store.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    harm(path)
    for words in (["plan"], ["run", "--dry-run"], ["run"]):
        assert main([*words, str(grid_file), *as_command]) == Exit.STORE, words
        assert f"{path}: Not a directory" in capsys.readouterr().err


def test_timing_sets_what_happened_beside_what_was_expected(
    experiments: tuple[Point, ...], resolver: Resolver, runner: FakeRunner, tmp_path: Path
) -> None:
    tasks = plan(experiments)
    runner.fail_on("measure", experiments[0].name)
    before = expected(experiments, resolver)
    report.write_forecast(before, tmp_path)
    assert report.read_timing(tmp_path) == []
    assert json.loads((tmp_path / "prediction.json").read_text())[-1]["actual_seconds"] is None
    summary = execute(tasks, resolver, 2, 2, lambda event: None)
    report.write_timing(before, tasks, summary, tmp_path)
    timing = report.read_timing(tmp_path)
    rows = {row["stage"]: row for row in timing}
    assert list(rows)[-2:] == ["total", "on the clock"]
    assert set(rows["measure"]) == {"stage", "tasks", "predicted_seconds", "actual_seconds"}
    assert rows["measure"]["tasks"] == 3, "the one that failed took no known time"
    assert rows["total"]["tasks"] == sum(row["tasks"] for row in timing[:-2])
    assert rows["on the clock"]["predicted_seconds"] == before.wall_seconds
    assert rows["on the clock"]["load"] >= 0
    assert not (tmp_path / "prediction.json").exists()
    assert "off by a factor of more than 1.5" in report.timing_line(timing)
    # A run that makes nothing leaves the timing of the one that did.
    runner.fail_on("measure", experiments[0].name)
    again = execute(tasks, resolver, 2, 2, lambda event: None)
    assert report.write_timing(expected(experiments, resolver), tasks, again, tmp_path) == []
    assert report.read_timing(tmp_path) == timing


@pytest.mark.parametrize("text", ["{", "[]", "{}", "[1]", '[{"stage": 1}]'])
def test_a_timing_that_is_none_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "timing.json").write_text(text)
    with pytest.raises(StoreError, match=r"is not a timing: (?!it:)[^:]"):
        report.read_timing(tmp_path)


def snapshot(folder: Path) -> dict[str, object]:
    """Every file and folder, with its content and the time of its last change."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("filled", [False, True])
def test_a_dry_run_changes_nothing(
    grid_file: Path,
    experiments: tuple[Point, ...],
    resolver: Resolver,
    runner: FakeRunner,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
    filled: bool,
) -> None:
    if filled:
        runner.fail_on("measure", experiments[0].name)
        run(experiments, resolver)
        grid_file.write_text(grid_file.read_text().replace("[[2, 2], [4, 4]]", "[[2, 2]]"))
    before, ran = snapshot(grid_file.parent.parent), list(runner.ran)
    looking = Exit.OK if filled else Exit.STORE  # there is no store
    for command, code in ((["plan"], Exit.OK), (["run", "--dry-run"], Exit.OK),
                          (["report", "--dry-run"], looking),
                          (["store", "gc", "--dry-run"], looking)):  # fmt: skip
        assert main([*command, str(grid_file), *as_command]) == code
    assert snapshot(grid_file.parent.parent) == before
    assert runner.ran == ran
    shown = capsys.readouterr().out
    assert "would write" in shown
    assert ("would remove" in shown) == filled


def test_the_plan_shows_time_memory_and_disk(
    grid_file: Path,
    resolver: Resolver,
    as_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = ["plan", str(grid_file), *as_command]
    assert main([*command, "--jobs", "1"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "From defaults, as nothing similar has run yet" in shown
    assert "synthesize" in shown
    assert max(map(len, shown.splitlines())) <= 100
    run(expand(load_grid(grid_file)), resolver)
    assert main(command) == Exit.OK
    assert "Nothing to run" in capsys.readouterr().out


def test_images_and_trust_have_dry_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "context"
    images.cli(["context", "train", str(target), "--dry-run"], standalone_mode=False)
    assert f"would write: {target / 'Dockerfile.train'}" in capsys.readouterr().out
    assert not target.exists()
    for name in ("base", "build", "context", "pin"):
        assert "--dry-run" in {o for p in images.cli.commands[name].params for o in p.opts}


def test_the_plan_says_which_speeds_are_bounds_from_below(
    grid_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = grid_file.read_text().replace("[build]", "[build]\ntarget_fps = [1e6, 1000]\n")
    grid_file.write_text(text)
    show_bottlenecks(load_grid(grid_file), Terminal())
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "<= 100 " in lines["fps1000000"]
    assert ">= 1,000,000 " in lines["fps1000000"]
    # Unfolded, the slowest layer takes 65,536 cycles: that is faster than asked for.
    assert "<= 65,536 " in lines["fps1000"]
    assert ">= 1,526 " in lines["fps1000"]
    assert "<= 24,414 " in lines["low"]
