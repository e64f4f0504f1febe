"""Reports: absent is empty, nothing is rounded in the CSV, ratios are of like with like."""

from __future__ import annotations

import csv as csv_module
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from fakes import FakeRunner, MetricsRunner, write_grid

from bare_runner import resolver_on
from bench import report
from bench.console.terminal import Terminal
from bench.grids.experiment import Point, expand, references
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, execute, plan, survey
from bench.report.ratios import throughput_ratios
from bench.report.summary import summarize
from bench.results import Place, columns, names
from bench.results.frame import rows_of
from bench.runners import Job

PROMISED = [
    "network", "dataset", "weight_bits", "act_bits", "folding", "seed", "epochs", "accuracy",
    "sim_images", "sim_accuracy", "bit_exact", "ii_estimated", "ii_simulated", "latency_cycles",
    "clock_mhz", "fps_core", "fps_measured", "measured_on", "lut", "bram18", "dsp", "fits",
    "status", "runner",
]  # fmt: skip


@pytest.fixture
def runner() -> FakeRunner:
    return MetricsRunner()


def collect(experiments: Sequence[Point], resolver: Resolver) -> pd.DataFrame:
    execute(plan(experiments), resolver, jobs=2, cpus=2, emit=lambda event: None)
    return report.collect(experiments, survey(experiments, resolver))


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("report")
    resolver = resolver_on(folder / "store", MetricsRunner())
    return collect(expand(load_grid(write_grid(folder))), resolver)


@pytest.fixture
def results(made_once: pd.DataFrame) -> pd.DataFrame:
    """A grid of which everything is done."""
    return made_once.copy()


def test_the_csv_has_the_promised_columns_unrounded(results: pd.DataFrame, tmp_path: Path) -> None:
    csv, _ = report.write(results, "test", tmp_path / "out")
    first = next(csv_module.DictReader(csv.read_text().splitlines()))
    assert set(PROMISED) <= first.keys()
    unrounded = {"network": "TFC", "accuracy": "0.95310000000001", "ii_simulated": "4096"}
    assert unrounded.items() <= first.items()
    assert list(results["status"]) == ["done"] * 4


def test_what_is_absent_is_empty_and_never_zero(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, tmp_path: Path
) -> None:
    runner.fail_on("simulate", experiments[0].name)
    results = collect(experiments, resolver)
    assert tuple(results.loc[0, ["status", "stopped_at"]]) == ("failed", "simulate")
    csv, markdown = report.write(results, "test", tmp_path)
    row = dict(zip(*(line.split(",") for line in csv.read_text().splitlines()[:2]), strict=True))
    for column in ("sim_images", "sim_accuracy", "bit_exact", "ii_simulated", "fps_core"):
        assert row[column] == "", column
    assert row["accuracy"] == "0.95310000000001"
    assert "failed: simulate" in markdown.read_text()


def test_an_empty_store_reports_what_is_missing(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    results = report.collect(experiments, survey(experiments, resolver))
    assert list(results["status"] + ": " + results["stopped_at"]) == ["missing: dataset"] * 4
    assert throughput_ratios(rows_of(results)) == []


def test_ratios_compare_foldings_of_one_training(results: pd.DataFrame) -> None:
    ratios = throughput_ratios(rows_of(results))
    assert [(r.point, r.slow, r.fast, r.core, r.measured) for r in ratios] == [
        ("TFC MNIST w2a2 seed 1", "low", "max", 64.0, 32.0),
        ("TFC MNIST w4a4 seed 1", "low", "max", 64.0, 32.0),
    ]


def shown(results: pd.DataFrame, width: int = 250) -> str:
    console = Terminal(file=io.StringIO(), width=width)
    report.show(results, "test", console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_no_width_cuts_off_the_name_of_a_row_or_a_number(
    grid_file: Path, resolver: Resolver
) -> None:
    seeds = [2**63 - 1, 2**63 - 2]
    text = grid_file.read_text().replace("seeds = [1]", f"seeds = {seeds}")
    text = text.replace("[[2, 2], [4, 4]]", "[[2, 2]]")
    grid_file.write_text(text.replace('board = "Pynq-Z1"', 'board = ["Pynq-Z1", "RFSoC2x2"]'))
    results = collect(expand(load_grid(grid_file)), resolver)
    for width in (60, 80, 132):
        lines = shown(results, width).splitlines()
        tables = [line for line in lines if line.startswith(" ")]
        assert max(map(len, tables)) <= width
        for seed in seeds:
            for board in ("Pynq-Z1", "RFSoC2x2"):
                named = [line for line in lines if line.startswith(f" w2a2 s{seed} max {board} ")]
                assert len(named) >= 2, "every table names the row"
                said = [line for line in lines if line.endswith(", in every row")]
                values = " ".join([*named, *said])
                for value in ("95.31%", "1,562,500", "781,250", "emulated-board", "100", "done"):
                    assert f" {value}" in values
        assert not any("…" in line for line in lines)


def test_one_board_is_not_named(results: pd.DataFrame) -> None:
    assert "Pynq-Z1" not in shown(results)


def test_a_name_wider_than_the_screen_breaks_and_is_whole(results: pd.DataFrame) -> None:
    results.loc[0, "folding"] = name = "f" * 50 + "g" * 40
    text = shown(results, 40)
    assert name in "".join(line.strip() for line in text.splitlines() if set(line) <= set(" fg"))


def test_an_estimate_that_leaves_layers_out_is_marked_as_a_part(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    results["lut_scope"] = ["all layers", "all layers", "part", "part"]
    results["lut_uncharged"] = [None, None, "4 MVAU_rtl", "4 MVAU_rtl"]
    remark = "LUT, 2 of 4 rows: a part, as the estimate charges 4 MVAU_rtl none"
    _, markdown = report.write(results, "test", tmp_path)
    for text in (shown(results), markdown.read_text()):
        assert remark in text
        assert text.count("100 part") == 2
    results.loc[2, "lut_synth"] = 2345
    assert shown(results).count("100 part") == 2, "the estimate stays"
    assert shown(results).count("2,345 syn.") == 1


def test_designs_that_may_not_fit_by_their_error_bars_are_remarked_on(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    results["fits"] = [True, True, False, True]
    results["may_exceed"] = [None, "lut 118%", "lut 180%", "ff 103%"]
    _, markdown = report.write(results, "test", tmp_path)
    for text in (shown(results), markdown.read_text()):
        assert "fits, 2 rows: yes as mapped, not for certain" in text
        assert "there is: w2a2 s1 max lut 118%, w4a4 s1 max ff 103%." in " ".join(text.split())


def test_designs_that_do_not_fit_have_boards_that_they_would(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    results["would_fit"] = ["ZCU104, ZCU102, ZCU111", None, "none", "ZCU104, ZCU102, ZCU111"]
    _, markdown = report.write(results, "test", tmp_path)
    for shown_text in (shown(results), markdown.read_text()):
        text = " ".join(shown_text.split())
        assert (
            "fits NO, w2a2 s1 low, w4a4 s1 max: by the same figures, each would fit ZCU104 and 2 "
            "more boards." in text
        )
        assert "fits NO, w4a4 s1 low: by the same figures, it would fit none of the 11" in text


def test_what_the_search_expected_is_compared_with_what_is_mapped(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    for name, model, mapped in (
        ("lut", [90, None, None, 110], [100, 1, 1, 100]), ("ff", [50, 7, None, 50], [50, 1, 1, 50]),
        ("bram18", [3, None, None, 0], [0, 1, 1, 0]), ("dsp", [12, None, 2, 12], [10, 1, 1, 10]),
    ):  # fmt: skip
        results[f"{name}_model"], results[f"{name}_mapped"] = model, mapped
    _, markdown = report.write(results, "test", tmp_path)
    for shown_text in (shown(results), markdown.read_text()):
        assert (
            "cost model, 2 rows, such as w2a2 s1 low: what the search expected (lut_model and so "
            "on, in results.csv) against what is mapped (lut_mapped and so on): LUT -10% to +10%, "
            "FF as many, BRAM18 +0 to +3, DSP +20%." in " ".join(shown_text.split())
        )
    assert "cost model" not in shown(results.assign(lut_mapped=None))


def test_what_became_of_netlists_is_said_everywhere(results: pd.DataFrame, tmp_path: Path) -> None:
    results["netlist"] = ["17 of 17", None, None, "16 of 17; MVAU_rtl_0 differ"]
    _, markdown = report.write(results, "test", tmp_path)
    for text in (shown(results), markdown.read_text()):
        assert "equal to the RTL in every cycle: 17 of 17." in " ".join(text.split())


def test_designs_with_a_core_of_our_own_are_remarked_on(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    results["cores"] = ["4 dsp", "4 dsp", "4 lut", "4 lut"]
    remark = "cores 4 lut, 2 rows, such as "
    _, markdown = report.write(results, "test", tmp_path)
    for text in (shown(results), markdown.read_text()):
        assert remark in text
        assert "lut is bench's own core of LUTs" in " ".join(text.split())
        assert "cores 4 dsp" not in text


def test_estimates_of_other_layers_than_are_mapped_are_remarked_on(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    results["matrix_layers"] = ["4 MVAU_hls", "4 MVAU_hls", "4 MVAU_rtl", "4 MVAU_hls"]
    results["cores"] = ["4 dsp", "4 dsp", "4 dsp", "4 lut"]
    results["lut_mapped"] = [100, None, 100, 100]
    remark = "estimates, 1 row, such as w2a2 s1 low: of 4 MVAU_hls, which the compiler would build"
    _, markdown = report.write(results, "test", tmp_path)
    for text in (shown(results), markdown.read_text()):
        assert remark in " ".join(text.split())
        assert "of different layers." in " ".join(text.split())
    assert "different layers" not in shown(results.assign(lut_mapped=None))


def test_the_clock_that_was_measured_at_is_shown_and_ratios_are_at_one(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    # Built for 200 MHz; the driver ran the fast one at 100.
    results["clock_mhz"] = 200.0
    results["clock_measured_mhz"] = [200.0, 100.0, 200.0, 200.0]
    results["fps_measured"] = results["clock_measured_mhz"] * 1e6 / results["ii_measured"]
    text = shown(results)
    assert "781,250 @100 " in text
    assert (
        "w2a2 s1 max: built for 200 MHz, measured at 100 MHz: 781,250 images/s, which at 200 MHz "
        "would be 1,562,500." in text
    )
    assert [one.measured for one in throughput_ratios(rows_of(results))] == [32.0, 32.0]
    _, markdown = report.write(results, "test", tmp_path)
    assert "measured at 100 MHz" in markdown.read_text()


def test_ties_with_torch_are_told(results: pd.DataFrame, tmp_path: Path) -> None:
    results["agreeing_with_torch"], results["torch_ties"] = [10, 10, 10, 9], [0, 0, 0, 1]
    text = shown(results)
    assert "w4a4 s1 max: 1 of 10 images is of another class than in torch, each by a tie" in text
    assert text.count(" all ") == 3


def test_several_data_sets_are_told_apart_within_80_columns(
    results: pd.DataFrame, tmp_path: Path
) -> None:
    results.loc[2:, "dataset"] = "Fashion-MNIST"
    results.loc[3, ["status", "stopped_at", "reason"]] = ["failed", "compile", "It broke."]
    console = Terminal(file=io.StringIO(), width=80)
    report.show(results, "test", console)
    lines = [line.strip() for line in console.file.getvalue().splitlines()]
    lines = lines[next(n for n, line in enumerate(lines) if line.startswith("experiment")) :]
    first, second = lines.index("MNIST"), lines.index("Fashion-MNIST")
    assert [line.split()[0] for line in lines[first:second]] == ["MNIST", "w2a2", "w2a2"]
    assert lines[second + 1].startswith("w4a4 s1 low")
    assert "such as Fashion-MNIST w4a4 s1 max: It broke." in lines[-1]
    assert "…" not in console.file.getvalue()
    _, markdown = report.write(results, "test", tmp_path)
    assert "| Fashion-MNIST | w4a4 s1 low |" in markdown.read_text()


def test_spread_over_seeds_is_mean_and_sample_deviation() -> None:
    rows = pd.DataFrame(
        {
            "network": "TFC",
            "dataset": "MNIST",
            "weight_bits": [2, 2, 4, 4],
            "act_bits": 2,
            "folding": "low",
            "board": "Pynq-Z1",
            "epochs": 1,
            "seed": [1, 2, 1, 2],
            "accuracy": [0.9, 0.8, 0.7, None],
        }
    )
    rows = rows.reindex(columns=list(dict.fromkeys([*rows, *names(columns(place=Place.SEEDS))])))
    spread = report.over_seeds(rows)
    assert list(spread["seeds"]) == [2, 2]
    assert list(spread["accuracy_n"]) == [2, 1]
    assert spread["accuracy_mean"].tolist() == pytest.approx([0.85, 0.7])
    assert spread["accuracy_std"][0] == pytest.approx(0.1 / 2**0.5)
    assert pd.isna(spread["accuracy_std"][1])
    assert (spread["accuracy_min"][0], spread["accuracy_max"][0]) == (0.8, 0.9)


def test_references_are_trainings_and_seeds_have_a_table(
    grid_file: Path, resolver: Resolver, tmp_path: Path
) -> None:
    text = grid_file.read_text().replace("seeds = [1]", 'seeds = [1, 2]\nreferences = ["float"]')
    grid_file.write_text(text)
    grid = load_grid(grid_file)
    experiments = expand(grid)
    points = (*experiments, *references(grid))
    execute(plan(points), resolver, jobs=2, cpus=2, emit=lambda event: None)
    trainings = report.collect_trainings(points, survey(points, resolver))
    assert len(trainings) == 2 * 2 + 2
    floats = trainings[trainings["weight_bits"] == "float"]
    assert list(floats["seed"]) == [1, 2]
    assert set(trainings["status"]) == {"done"}
    results = report.collect(experiments, survey(experiments, resolver))
    assert len(results) == 8, "a reference became an experiment"
    paths = report.write_more(results, trainings, "test", tmp_path / "out")
    assert [path.name for path in paths] == ["trainings.csv", "seeds.csv", "seeds.md"]
    assert len(pd.read_csv(paths[1])) == 4


def test_an_infeasible_point_is_a_row_with_its_reason(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, tmp_path: Path
) -> None:
    run = runner.run

    def refuse(job: Job, emit, cancelled):  # noqa: ANN001, ANN202
        result = run(job, emit, cancelled)
        if job.request.stage == "compile" and job.task.endswith("max"):
            return replace(result, status="infeasible", reason="PE 8 does not divide 10")
        return result

    runner.run = refuse  # type: ignore[method-assign]
    results = collect(experiments, resolver)
    assert list(results["status"]) == ["done", "infeasible"] * 2
    assert list(results["stopped_at"].dropna()) == ["compile"] * 2
    assert list(results["reason"].dropna()) == ["PE 8 does not divide 10"] * 2
    _, markdown = report.write(results, "test", tmp_path)
    assert "2 x infeasible: compile, such as w2a2 s1 max: PE 8" in markdown.read_text()


def test_a_design_that_is_not_folded_as_finn_searched_is_done_and_says_so(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, tmp_path: Path
) -> None:
    run = runner.run

    def fold_otherwise(job: Job, emit, cancelled):  # noqa: ANN001, ANN202
        result = run(job, emit, cancelled)
        if job.request.stage == "compile" and job.task.endswith("max"):
            path = job.request.outputs / "metrics.json"
            metrics = json.loads(path.read_text()) | {"folding_note": "MVAU_0 was folded anew."}
            path.write_text(json.dumps(metrics))
        return result

    runner.run = fold_otherwise  # type: ignore[method-assign]
    results = collect(experiments, resolver)
    assert list(results["status"]) == ["done"] * 4
    assert list(results["reason"].dropna()) == ["MVAU_0 was folded anew."] * 2
    text = report.write(results, "test", tmp_path)[1].read_text()
    assert "2 x done, such as w2a2 s1 max: MVAU_0 was folded anew." in text
    assert "Nothing is infeasible, nothing failed." in text


def test_a_large_grid_is_summed_up(results: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    results.loc[1, ["status", "stopped_at"]] = ["infeasible", "compile"]
    results.loc[2, "ii_simulated"] = 4300
    results.loc[2, "accuracy"] = 0.5
    summary = summarize(rows_of(results))
    low, high = summary
    assert (low["folding"], low["points"], low["done"], low["infeasible"]) == ("low", 2, 2, 0)
    assert (high["done"], high["infeasible"], high["bit_exact"]) == (1, 1, 2)
    assert low["ii_deviation"] == pytest.approx(204 / 4096)
    assert (low["best"], low["worst"]) == ("w2a2 95.31%", "w4a4 50.00%")

    monkeypatch.setattr("bench.report.console.MANY", 3)
    console = Terminal(file=io.StringIO(), width=250)
    report.show(results, "test", console)
    text = console.file.getvalue()
    assert "4 points; each one is in results.csv" in text
    assert "1/2" in text
    assert "4.98%" in text


def test_an_empty_store_sums_up_to_nothing_done(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    summary = summarize(rows_of(report.collect(experiments, survey(experiments, resolver))))
    assert [folding["missing"] for folding in summary] == [2, 2]
    assert [folding["best"] for folding in summary] == ["", ""]
