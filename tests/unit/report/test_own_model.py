"""Designs of a model of the user's, from their results to an archive: no training is spoken of."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import MetricsRunner, as_command_on, gathered, write_grid, write_report

from bare_runner import resolver_on
from bench import archive
from bench.claims import load_claims
from bench.cli import main
from bench.commands import why
from bench.errors import Exit
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, execute, plan, survey
from bench.report.figures import all_figures
from bench.words import State, Status

SIMULATED = {"agreeing_with_torch": 10, "torch_ties": 0, "matrix_layers": {"MVAU_rtl": 2}}
COMPILED = {"available": {"lut": 53_200, "bram18": 280, "dsp": 220, "uram": 0}}
CLAIM = """
[speed]
judge = "throughput"
title = "Faster"
statement = "Parallel is faster."
source = "here"
networks = ["my_mlp"]
factor = 64.0
within = 0.1
pairs = [["low", "fps50000"]]
tolerance = "a tenth"
why = "so"
full = "a board"
[bits]
judge = "resources"
title = "Fewer"
statement = "Fewer bits cost fewer."
source = "here"
networks = ["my_mlp"]
resources = ["lut"]
share = 0.5
tolerance = "none"
why = "so"
full = "synthesis"
"""

Made = Callable[..., tuple[Path, Resolver]]


@pytest.fixture
def made(own_model_grid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Runs the grid of a model whose labels say nothing, or that it is right so often."""

    def make(accuracy: float | None, **simulated: object) -> tuple[Path, Resolver]:
        metrics = {
            "import": {"accuracy": accuracy, "reference": "the model itself"},
            "compile": COMPILED,
            "simulate": {**SIMULATED, "accuracy": accuracy, **simulated},
        }
        runner = MetricsRunner(metrics)
        resolver = resolver_on(tmp_path / "store", runner)
        points = expand(load_grid(own_model_grid))
        execute(plan(points), resolver, jobs=1, cpus=1, emit=lambda event: None)
        found = survey(points, resolver)
        assert [found.state_of(point) for point in points] == [State(status=Status.DONE)] * 2
        as_command_on(resolver, monkeypatch)
        return own_model_grid, resolver

    return make


def rows_of(report: Path) -> list[dict[str, str]]:
    with (report / "results.csv").open() as file:
        return list(csv.DictReader(file))


def bench(command: str, grid: Path, resolver: Resolver, *more: str) -> int:
    store = ("--store", str(resolver.store.root), "--runner", "venv")
    return main([command, *more, str(grid), *store])


def test_accuracy_is_that_of_the_model_itself(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, resolver = made(0.75)
    assert bench("report", grid, resolver) == Exit.OK
    shown = capsys.readouterr().out
    assert "accuracy" in shown
    assert "75.00%" in shown
    report = resolver.store.root / "reports" / "mine"
    low, fast = rows_of(report)
    assert (low["network"], low["weight_bits"], low["act_bits"], low["seed"]) == (
        "my_mlp", "", "", "",
    )  # fmt: skip
    assert (low["accuracy"], low["agreeing_with_model"], low["agreeing_with_torch"]) == (
        "0.75", "10", "",
    )  # fmt: skip
    assert fast["folding"] == "fps50000"
    for path in (report / "results.md", report / "index.html"):
        text = path.read_text()
        assert "torch" not in text.replace("agreeing_with_torch", ""), path
        assert "as model" in text or "as the model" in text
    assert "executed" in (report / "index.html").read_text()
    assert "accuracy`: executed; import" in (report / "results.md").read_text()


def test_without_labels_agreement_with_the_model_is_shown_and_named(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, resolver = made(None, agreeing_with_torch=9, torch_ties=1)
    assert bench("report", grid, resolver) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert "agreement with the model itself" in shown
    assert "1 of 10 images is another to the design than to the model, each by a tie" in shown
    assert "accuracy II" not in shown
    report = resolver.store.root / "reports" / "mine"
    assert {row["agreeing_with_model"] for row in rows_of(report)} == {"9"}
    assert {row["accuracy"] for row in rows_of(report)} == {""}
    page = (report / "index.html").read_text()
    assert "agreement with the model itself" in page
    assert ">sim. accuracy<" not in page


@pytest.mark.parametrize("accuracy", [0.75, None])
def test_no_figure_speaks_of_a_training(made: Made, accuracy: float | None) -> None:
    grid, resolver = made(accuracy)
    figures = all_figures(gathered(expand(load_grid(grid)), resolver))
    assert not any(figure.name.startswith(("accuracy", "epochs")) for figure in figures)
    said = " ".join(f"{figure.seen} {figure.source}" for figure in figures)
    assert "trained" not in said
    assert "nan" not in said.split()
    if accuracy is None:
        assert "No label of MNIST says what is right" in said


def test_claims_say_why_they_cannot_judge_and_judge_what_they_can(made: Made) -> None:
    grid, resolver = made(0.75)
    (grid.parent / "claims.toml").write_text(CLAIM)
    stated = load_claims(grid.parent / "claims.toml", ("my_mlp",))
    reported = write_report(grid, resolver, grid.parent / "report", stated)
    speed, bits = reported.judgements
    assert speed.verdict == "partly"
    assert "as given: 1,562,500 / 24,414 images/s = 64.0" in speed.evidence[0].arithmetic
    assert bits.verdict == "not testable"
    assert "my_mlp is a model that is given: its bit widths are its own" in bits.part.reason


def test_everything_behind_a_number(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    grid, resolver = made(0.75)
    row = "my_mlp-mnist-low"
    for column, stage, says in (
        ("accuracy", "import", "accuracy = 0.75 fraction (executed)"),
        ("agreeing_with_model", "simulate", "10 of 10 images"),
    ):
        assert bench("why", grid, resolver, row, column, "--file") == Exit.OK
        shown = " ".join(capsys.readouterr().out.split())
        assert says in shown
        assert f"from {stage}, " in shown
        assert "model: keep the model" in shown
        assert bench("why", grid, resolver, row, column, "--json", "--file") == Exit.OK
        steps = json.loads(capsys.readouterr().out)["steps"]
        assert [step["stage"] for step in steps][:3] == ["dataset", "model", "import"]


def test_a_plan_names_the_stages_and_knows_no_layers(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, resolver = made(0.75)
    assert bench("plan", grid, resolver, "--tasks") == Exit.OK
    shown = capsys.readouterr().out
    assert "model    my_mlp-mnist" in shown
    assert bench("run", grid, resolver, "--only", "train") == Exit.CONFIG
    assert "--only train: the grid 'mine' has no such stage" in capsys.readouterr().err
    assert bench("run", grid, resolver, "--only", "import", "--dry-run") == Exit.OK


def test_artifacts_of_a_model_that_is_gone_are_kept_by_their_names(
    made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, resolver = made(0.75)
    kept = {path.parent for path in resolver.store.root.glob("*/*/manifest.json")}
    (grid.parent / "my_mlp.onnx").unlink()
    assert bench("store", grid, resolver, "gc") == Exit.OK
    assert "names a file that is not there; all that has its names is kept" in (
        capsys.readouterr().out
    )
    assert {path.parent for path in resolver.store.root.glob("*/*/manifest.json")} == kept
    (grid.parent / "my_mlp.onnx").write_bytes(b"another model")
    assert bench("store", grid, resolver, "gc") == Exit.OK
    left = {path.parent.parent.name for path in resolver.store.root.glob("*/*/manifest.json")}
    assert left == {"dataset"}


def test_rows_of_other_grids_are_explained_where_a_model_is_gone(
    own_model_grid: Path,
    resolver: Resolver,
    as_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (own_model_grid.parent / "my_mlp.onnx").unlink()
    folder = own_model_grid.parent / "experiments"
    folder.mkdir()
    trained = write_grid(folder)
    monkeypatch.setattr(why, "_files", lambda given: [own_model_grid, trained])
    execute(plan(expand(load_grid(trained))), resolver, jobs=1, cpus=1, emit=lambda event: None)
    assert main(["why", "tfc-mnist-w2a2-s1-low", *as_command]) == Exit.OK
    assert "of grid 'test'" in capsys.readouterr().out
    assert main(["why", "my_mlp-mnist-low", *as_command]) == Exit.CONFIG
    assert "model.file: there is no file" in capsys.readouterr().err


def test_an_archive_needs_no_original_file(made: Made, tmp_path: Path) -> None:
    grid, resolver = made(0.75)
    assert bench("report", grid, resolver) == Exit.OK
    packed = tmp_path / "mine.tar.gz"
    words = ("--output", str(packed), "--with", "models")
    assert bench("export", grid, resolver, *words) == Exit.OK
    shutil.rmtree(grid.parent)
    shutil.rmtree(resolver.store.root)
    checked = archive.verify(packed)
    assert (checked.findings, checked.unchecked) == ([], [])
