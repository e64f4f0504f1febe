"""A design that computes something else than the trained model is shown as wrong, everywhere."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fakes import HOST, as_command_on
from wrong_design import INTERVAL, NAME, RATE, REASON, Made

from bench import archive, claims, report
from bench.cli import main
from bench.console.terminal import Terminal
from bench.errors import Exit
from bench.paths import ROOT
from bench.pipeline import survey
from bench.report.compare import compare_results
from bench.report.figures import all_figures
from bench.report.ratios import throughput_ratios
from bench.report.summary import summarize
from bench.results import File, columns
from bench.runners import Job
from bench.runners.host import HostContext, HostReporter, HostRunner, WrongResult
from bench.runners.wire import Request
from bench.words import Status

pytestmark = pytest.mark.usefixtures("no_fsync", "no_drawing")


@pytest.fixture(scope="module", params=["simulate", "measure"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def as_command(made: Made, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return as_command_on(made.resolver, monkeypatch)


def row_of(results: Any, name: str = NAME) -> Any:
    return results[results["experiment"].eq(name)].iloc[0]


def test_a_run_ends_with_9_also_when_everything_is_kept(made: Made) -> None:
    assert [one.reason for one in made.summary.wrong] == [REASON]
    assert made.summary.exit_code == Exit.WRONG
    ran = len(made.runner.ran)
    again = made.run()
    assert len(made.runner.ran) == ran, "a finding is kept, not made again"
    assert again.exit_code == Exit.WRONG
    assert again.wrong[0].reason == REASON


def test_nothing_is_made_of_a_wrong_simulation(made: Made) -> None:
    simulated = made.runner.stage == "simulate"
    assert (f"measure {NAME}" in made.runner.ran) is not simulated
    skipped = {o.task.id: o.reason for o in made.run().outcomes.values() if o.status == "skipped"}
    assert ("simulate wrong" in skipped.values()) is simulated


def test_its_row_says_so_and_withholds_what_running_it_has_shown(made: Made) -> None:
    row = row_of(made.results())
    assert (row["status"], row["stopped_at"]) == (Status.WRONG, made.runner.stage)
    assert row["reason"] == REASON
    withheld = {column.name for column in columns(File.RESULTS) if column.withheld}
    assert {name for name in withheld if pd.notna(row[name])} == set()
    assert {"fps_core", "fps_measured", "ii_simulated", "sim_accuracy", "lut_synth"} <= withheld
    assert (row["accuracy"], row["lut"], row["sim_images"]) == (0.97, 700, 200)
    assert row["bit_exact"] == (made.runner.stage == "measure")


def test_no_figure_ratio_claim_or_mean_has_it(made: Made) -> None:
    results = made.results()
    found = survey(made.experiments, made.resolver)
    trainings = report.collect_trainings(made.experiments, found)
    material = report.gather("test", made.experiments, results, trainings, found.chains)
    for figure in all_figures(material):
        shown = "" if figure.data is None else figure.data.to_csv()
        assert NAME not in shown + figure.seen + figure.source, figure.name
    assert material.slowest is not None
    assert material.fastest is not None
    assert (material.slowest.interval, material.fastest.name) == (
        16384,
        "tfc-mnist-w4a4-s1-max",
    )
    ratios = {one.point: (one.slow, one.fast) for one in throughput_ratios(material.rows)}
    assert ratios["TFC MNIST w2a2 seed 1"] == ("min", "low")
    stated = claims.load_claims(ROOT / "experiments" / "claims.toml")
    judged = claims.judge(stated, results, trainings)
    resting = {row for one in judged for evidence in one.evidence for row in evidence.rows}
    assert resting
    assert NAME not in resting
    low, high, _ = summarize(material.rows)
    assert (low[Status.WRONG], high[Status.WRONG], high["done"]) == (0, 1, 1)


def test_every_text_says_wrong_and_no_rate(made: Made, tmp_path: Path) -> None:
    results = made.results()
    found = survey(made.experiments, made.resolver)
    trainings = report.collect_trainings(made.experiments, found)
    material = report.gather("test", made.experiments, results, trainings, found.chains)
    folder = tmp_path / "out"
    report.write(results, "test", folder)
    report.write_page(material, report.About(made.file), folder)
    console = Terminal(file=io.StringIO(), width=80)
    report.show(results, "test", console)
    screen: str = console.file.getvalue()  # type: ignore[attr-defined]
    markdown, page = ((folder / name).read_text() for name in ("results.md", "index.html"))
    for text in (screen, markdown, page):
        assert REASON in " ".join(text.split())
        for number in (f"{RATE:,.0f}", f"{INTERVAL:.2f}"):
            assert number not in text
    assert "WRONG" in next(line for line in screen.splitlines() if line.startswith(" w2a2 s1 max"))
    assert "## WRONG: not to be used" in markdown
    assert 'class="k-wrong"' in page
    assert "computed something else than the trained model" in page


def test_why_gives_the_reason_and_no_arithmetic(
    made: Made, as_command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", NAME, "fps_core", "--file", str(made.file), *as_command]) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert f"wrong: {made.runner.stage} ({REASON})" in shown
    assert "fps_core = empty" in shown
    assert "images/s" not in shown


def test_a_wrong_row_is_different_from_a_right_one(made: Made, tmp_path: Path) -> None:
    wrong = made.results()
    right = wrong.assign(status="done", stopped_at=None, reason=None)
    one, other = (report.write(rows, "test", tmp_path / name)[0]
                  for rows, name in ((right, "right"), (wrong, "wrong")))  # fmt: skip
    found = compare_results(one, other)
    assert {(d.row, d.column) for d in found.differences} == {
        (NAME, "status"), (NAME, "stopped_at"),
    }  # fmt: skip
    assert found.wrong == ((), (NAME,))


def test_a_host_stage_can_find_a_design_wrong(tmp_path: Path) -> None:
    def stage(request: Request, reporter: HostReporter, context: HostContext) -> None:
        raise WrongResult(REASON)

    request = Request(
        stage="measure", spec={}, inputs={}, outputs=tmp_path, scratch=tmp_path,
        cache=tmp_path, result=tmp_path / "result.json", cpus=1,
    )  # fmt: skip
    job = Job("task", "host", request, tmp_path / "log.txt")
    result = HostRunner(HOST, lambda entry: stage).run(job, lambda event: None, None)  # type: ignore[arg-type]
    assert (result.status, result.reason) == (Status.WRONG, REASON)
    assert REASON in (tmp_path / "log.txt").read_text()


@pytest.mark.parametrize("command", ["run", "report", "claims"])
def test_commands_that_show_it_end_with_9(
    made: Made, as_command: list[str], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(made.file), *as_command]) == Exit.WRONG
    error = " ".join(capsys.readouterr().err.split())
    assert "1 row computes something else than the trained model." in error
    assert f"{NAME}: {REASON}" in error


def test_archives_and_comparisons_say_which_rows_are_wrong(
    made: Made, as_command: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    main(["report", str(made.file), *as_command])
    target = tmp_path / "packed.tar.gz"
    options = ["--output", str(target)]
    capsys.readouterr()
    assert main(["export", str(made.file), *as_command, *options]) == Exit.OK
    assert f"wrong: {NAME}" in capsys.readouterr().out
    assert archive.verify(target).wrong == [NAME]
    assert main(["verify", str(target)]) == Exit.OK
    assert f"1 row is wrong: {NAME}" in capsys.readouterr().out
    folder = made.store.root / "reports" / "test"
    assert main(["compare", str(folder), str(folder)]) == Exit.OK
    assert f"wrong in A: {NAME}" in capsys.readouterr().out
