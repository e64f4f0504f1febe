"""Provenance: the chain behind a row, the formula behind a number, the RO-Crate of a report."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeRunner, MetricsRunner, as_command_on, steps_of, write_grid

from bare_runner import resolver_on
from bench import provenance, report
from bench.cli import main
from bench.commands import run
from bench.console.terminal import Terminal
from bench.errors import Exit
from bench.flows import flow_named, up_to
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import Resolver, Step, execute, plan, survey
from bench.pipeline.survey import Stored
from bench.session import grids
from bench.store import Store
from bench.store.keys import hash_file

ROW = "tfc-mnist-w2a2-s1-max"
COMMIT = "c" * 40


@pytest.fixture
def runner() -> FakeRunner:
    return MetricsRunner()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Resolver:
    """A store with everything in it, made at a clean commit; tests only look into it."""
    folder = tmp_path_factory.mktemp("made")
    runner = MetricsRunner()
    resolver = resolver_on(folder / "store", runner)
    clean = {"commit": COMMIT, "tree": "clean"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.pipeline.ensure.describe_checkout", lambda: clean)
        tasks = plan(expand(load_grid(write_grid(folder))))
        execute(tasks, resolver, jobs=2, cpus=2, emit=lambda event: None)
    return resolver


@pytest.fixture
def as_command(made: Resolver, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options with which commands look into that store."""
    return as_command_on(made, monkeypatch)


def test_a_chain_goes_from_the_data_to_the_board(
    experiments: Sequence[Point], made: Resolver
) -> None:
    steps = steps_of(experiments[1], made)
    assert [step.stage for step in steps] == [
        "dataset", "train", "export", "compile", "size", "map", "simulate", "synthesize", "measure",
    ]  # fmt: skip
    by_stage = {step.stage: step for step in steps}
    train, export = by_stage["train"].manifest, by_stage["export"].manifest
    assert train is not None
    assert export is not None
    assert export.inputs["train"] == train.content_hash
    assert by_stage["train"].spec["seed"] == 1
    assert by_stage["simulate"].metrics["ii_simulated"] == 64.0
    synthesize = by_stage["synthesize"]
    assert (synthesize.status, synthesize.manifest) == ("skipped", None)
    assert "XILINX_VIVADO" in synthesize.reason


def test_rows_share_what_they_share(experiments: Sequence[Point], made: Resolver) -> None:
    chains = survey(experiments, made).chains
    low, high = chains["tfc-mnist-w2a2-s1-low"], chains[ROW]
    assert low[1] is high[1]
    assert low[3] != high[3]


def test_a_failure_and_what_it_stops_are_in_the_chain(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    runner.fail_on("size", experiments[0].name)
    execute(plan(experiments), resolver, jobs=2, cpus=2, emit=lambda event: None)
    steps = {step.stage: step for step in steps_of(experiments[0], resolver)}
    assert (steps["size"].status, steps["size"].reason) == ("failed", "It broke.")
    assert steps["size"].manifest is not None
    assert steps["simulate"].status == "missing"
    assert steps["simulate"].reason == "size failed"
    log = steps["size"].log
    assert log is not None
    assert log.read_text() == f"working on {experiments[0].name}\n"
    assert provenance.as_json(steps["size"])["log"] == str(log)
    assert [step.stage for step in steps.values() if step.log] == ["size"]
    console = Terminal(file=io.StringIO(), width=80)
    provenance.show_steps([steps["size"]], console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "".join(str(log).split()) in "".join(shown.split())


def test_why_shows_everything_within_80_columns(
    grid_file: Path, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", ROW, "fps_core", "--file", str(grid_file), *as_command]) == Exit.OK
    shown = capsys.readouterr().out
    for text in (
        "fps_core = 1562500",
        "1,562,500 images/s",
        COMMIT,
        "seed 1",
        "runner venv",
        "tool 1",
    ):
        assert text in shown
    assert "measure" not in shown  # it has no part in this number
    commands = shown[shown.index("again") :].splitlines()[1:]
    assert commands[0].strip() == f"git checkout {COMMIT}"
    table_and_text = shown[: shown.index("again")].splitlines()
    assert max(len(line.rstrip()) for line in table_and_text) <= 80


def test_the_rerun_command_is_one_that_bench_takes(
    grid_file: Path, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["why", ROW, "--file", str(grid_file), "--images", "50", "--json", *as_command]
    assert main(arguments) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    program, name, *options = shlex.split(told["rerun"][-1])
    assert (program, name) == ("bench", "run")
    parsed = run.command.make_context("run", options).params
    assert (parsed["names"], parsed["images"], parsed["file"]) == ((ROW,), 50, grid_file)
    points = grids.open_grid(parsed["file"]).choose(parsed["names"])
    assert [point.name for point in points] == [ROW]
    assert len(plan(points)) == 11


def test_why_as_json_holds_what_the_manifests_hold(
    grid_file: Path, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", ROW, "lut", "--file", str(grid_file), "--json", *as_command]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["column"]["value"] == 100
    assert told["column"]["stage"] == "compile"
    last = told["steps"][-1]
    assert last["stage"] == "compile"
    assert last["checkout"] == {"commit": COMMIT, "tree": "clean"}
    assert len(last["artifacts"][0]["sha256"]) == 64
    assert told["caveats"] == []


def test_a_row_of_a_grid_elsewhere_needs_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "mine-low", "--store", str(tmp_path)]) == Exit.CONFIG
    shown = capsys.readouterr().err
    assert "No experiment file in experiments/ names a row 'mine-low'." in shown
    assert "If it is from another file, give that with --file." in shown


def test_a_grid_whose_data_are_missing_does_not_hide_the_others(
    grid_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = grid_file.with_name("other.toml")
    other.write_text(grid_file.read_text().replace('"MNIST"', '"gone.npz"'))
    monkeypatch.setattr("bench.commands.why.ROOT", tmp_path)
    assert main(["why", ROW, *as_command]) == Exit.OK
    for named in ((), ("--file", str(other))):  # what is in the store of it, nobody can tell
        words = ["why", ROW.replace("mnist", "gone"), *named, *as_command]
        assert main(words) == Exit.CONFIG
        assert "there is no file" in capsys.readouterr().err


def test_why_knows_trainings_too(
    grid_file: Path, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["why", "tfc-mnist-w2a2-s1", "accuracy", "--file", str(grid_file), *as_command]
    assert main(arguments) == Exit.OK
    assert "accuracy = 0.95310000000001" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["tfc-mnist-w2a2-s1-maxx"], f"Did you mean '{ROW}'"),
        (["%"], "There are 6, such as tfc-mnist-w2a2-s1,"),
        ([ROW, "fps_croe"], "Did you mean 'fps_core'"),
    ],
)
def test_a_row_or_column_that_is_not_there(
    grid_file: Path,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    remedy: str,
) -> None:
    assert main(["why", *arguments, "--file", str(grid_file), *as_command]) == Exit.CONFIG
    assert remedy in capsys.readouterr().err


def test_what_a_rerun_cannot_bring_back_is_said(
    experiments: Sequence[Point], made: Resolver
) -> None:
    steps = steps_of(experiments[1], made)
    assert provenance.caveats(steps) == ()
    changed = {"commit": COMMIT, "tree": "changed", "changes": "bench/x.py"}
    for checkout, said in (
        (changed, "files differed from the commit: bench/x.py"),
        ({}, "the commit is not known: not recorded"),
    ):
        entry = steps[0].entry
        assert entry is not None
        other = replace(entry, manifest=replace(entry.manifest, checkout=checkout))
        edited = replace(steps[0], stored=Stored(entry=other))
        assert said in provenance.caveats((edited, *steps[1:]))
        commands = provenance.rerun(ROW, Path("x.toml"), (edited, *steps[1:]))
        assert not any(command.startswith("git") for command in commands)


def test_only_the_rows_asked_for_are_made(grid_file: Path, resolver: Resolver) -> None:
    grid = grids.open_grid(grid_file)
    chosen = grid.choose(("tfc-mnist-w4a4-s1", ROW, ROW))
    assert [point.name for point in chosen] == ["tfc-mnist-w4a4-s1", ROW]
    flow = flow_named(grid.grid.flow)
    stages = flow.all_stages
    found = survey(grid.points, resolver)
    training = found.tasks_for(chosen[:1], stages)
    assert [task.stage.name for task in training] == ["dataset", "draft", "inspect", "train"]
    assert {task.serves for task in training} == {("tfc-mnist-w4a4-s1",)}
    (point,) = grid.choose((ROW,))
    planned = [(task.id, task.spec, task.serves) for task in plan((point,))]
    asked = found.tasks_for((point,), stages)
    assert [(task.id, task.spec, task.serves) for task in asked] == planned
    assert found.tasks_for(grid.points, stages) == plan(grid.points)
    first = up_to("train", stages)
    assert found.tasks_for(grid.points, first) == plan(grid.points, first)
    arguments = ["run", str(grid_file), "--row", "tfc-mnist-w3a3-s1-max"]
    assert main(arguments) == Exit.CONFIG


@pytest.fixture
def crate(experiments: Sequence[Point], made: Resolver, tmp_path: Path) -> Path:
    folder = tmp_path / "a report"
    folder.mkdir()
    (folder / "results.csv").write_text("a,b\n")
    (folder / "odd näme #1.svg").write_text("<svg/>")
    return provenance.write_crate(folder, "test", survey(experiments, made).chains)


def test_the_crate_names_every_file_with_its_hash(crate: Path) -> None:
    entities = {one["@id"]: one for one in json.loads(crate.read_text())["@graph"]}
    root = entities["./"]
    files = {one["@id"] for one in root["hasPart"]}
    assert files == {"results.csv", "odd%20n%C3%A4me%20%231.svg"}
    assert entities["results.csv"]["sha256"] == hash_file(crate.parent / "results.csv")
    assert root["conformsTo"]["@id"] in entities


def test_the_crate_links_each_result_to_its_inputs_tools_and_commit(crate: Path) -> None:
    entities = {one["@id"]: one for one in json.loads(crate.read_text())["@graph"]}
    actions = [one for one in entities.values() if one["@type"] == "CreateAction"]
    assert len(actions) == 26  # 25 runs of stages and the report
    (action,) = (one for one in actions if one["name"] == f"simulate of {ROW}")
    read = {entities[one["@id"]]["name"] for one in action["object"]}
    assert {f"compile of {ROW}", f"size of {ROW}", "export of tfc-mnist-w2a2-s1"} <= read
    assert "images" in read
    around = {
        entities[one["@id"]]["name"]: entities[one["@id"]]["value"] for one in action["environment"]
    }
    assert around["checkout: commit"] == COMMIT
    assert around["environment: runner"] == "venv"
    instrument = entities[action["instrument"]["@id"]]
    assert entities[instrument["softwareRequirements"]["@id"]]["name"] == "tool"
    dangling = {
        one["@id"]
        for entity in entities.values()
        for value in entity.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, dict) and not one["@id"].startswith("https://w3id.org/ro/crate")
    } - entities.keys()
    assert dangling == set()


def test_the_crate_is_the_same_each_time(
    crate: Path, experiments: Sequence[Point], made: Resolver
) -> None:
    first = crate.read_bytes()
    provenance.write_crate(crate.parent, "test", survey(experiments, made).chains)
    assert crate.read_bytes() == first


def with_spec(step: Step, spec: Mapping[str, Any]) -> Step:
    if step.entry is None:
        return step
    entry = replace(step.entry, manifest=replace(step.entry.manifest, spec=spec))
    return replace(step, stored=replace(step.stored, entry=entry))


def test_the_crate_is_the_same_from_memory_and_from_disk(
    experiments: Sequence[Point], made: Resolver, tmp_path: Path
) -> None:
    """A manifest that was read has its keys in alphabetical order; one in memory has not."""
    chains = survey(experiments, made).chains
    texts = set[bytes]()
    for network in ({"layers": [], "flat": True}, {"flat": True, "layers": []}):
        given = {
            name: [with_spec(step, {"network": network}) for step in chain]
            for name, chain in chains.items()
        }
        texts.add(provenance.write_crate(tmp_path, "test", given).read_bytes())
    assert len(texts) == 1


def test_failures_are_in_the_crate_as_failed_actions(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, tmp_path: Path
) -> None:
    runner.fail_on("train", "tfc-mnist-w2a2-s1")
    execute(plan(experiments), resolver, jobs=2, cpus=2, emit=lambda event: None)
    chains = survey(experiments, resolver).chains
    text = provenance.write_crate(tmp_path, "test", chains).read_text()
    failed = [one for one in json.loads(text)["@graph"] if one.get("error")]
    assert [one["name"] for one in failed] == ["train of tfc-mnist-w2a2-s1"]
    assert failed[0]["actionStatus"].endswith("FailedActionStatus")
    assert "result" not in failed[0]


def test_an_empty_store_makes_a_crate_too(
    experiments: Sequence[Point], store: Store, resolver: Resolver, tmp_path: Path
) -> None:
    path = provenance.write_crate(tmp_path, "test", survey(experiments, resolver).chains)
    assert json.loads(path.read_text())["@graph"]


def test_claims_end_with_7_after_a_regression(
    grid_file: Path,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its figures take seconds, and have tests of their own.
    page = report.Page(Path("index.html"), True)
    monkeypatch.setattr(report, "write_page", lambda *_, **__: page)
    arguments = ["claims", str(grid_file), *as_command]
    assert main(arguments) == Exit.OK
    shown = capsys.readouterr().out
    assert "62 times the throughput by the authors' foldings: partly" in " ".join(shown.split())
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    folder = Path(as_command[1]) / "reports" / "test"
    assert {"claims.json", "ro-crate-metadata.json"} <= {path.name for path in folder.iterdir()}
    kept = folder / "verdicts.json"
    kept.write_text(kept.read_text().replace('"C2f": "partly"', '"C2f": "reproduced"'))
    assert main(arguments) == Exit.CLAIM
    assert "C2f was 'reproduced', now it is 'partly'" in capsys.readouterr().err
    assert main([*arguments, "--accept", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["claims"][2]["verdict"] == "partly"


def test_every_grid_of_the_project_is_found_and_claims_are_none() -> None:
    from bench.commands.why import _files

    names = {path.name for path in _files(None)}
    assert names == {path.name for path in (ROOT / "experiments").glob("*.toml")} - {
        "claims.toml", "foldings.toml",
    }  # fmt: skip
