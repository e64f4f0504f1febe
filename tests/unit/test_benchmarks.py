"""`make benchmark`: what was measured is kept, whatever fails before, beside or after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import benchmarks.__main__ as module
from benchmarks.figures import Figure
from benchmarks.record import PartError, Record

PARTS = ("stages", "builds", "simulators", "training", "overhead", "plans", "runners", "dask")


def figure(name: str) -> Figure:
    return Figure(name, "s", [1.0])


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> module.Benchmark:
    """One whose every part measures one thing, called as the part is."""
    found = module.Benchmark(tmp_path / "store", False, Record(tmp_path, {"processors": 2}))
    monkeypatch.setattr(found, "_pipeline", dict)
    for name in PARTS:
        monkeypatch.setattr(found, f"_{name}", lambda *_, n=name: found.add(figure(n)))
    return found


def kept(folder: Path) -> tuple[list[str], list[str]]:
    """Names of figures, and of parts that failed, as the file has them."""
    document = json.loads((folder / "benchmarks.json").read_text())
    failed = [failure["part"] for failure in document["failures"]]
    return [one["what"] for one in document["figures"]], failed


@pytest.mark.parametrize("broken", PARTS)
def test_a_part_that_fails_costs_no_other_figure(
    benchmark: module.Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*_: object) -> None:
        benchmark.add(figure("first half"))
        raise PartError("make ended with 2.", "the compiler's words\n")

    monkeypatch.setattr(benchmark, f"_{broken}", fail)
    benchmark.run()
    figures, failed = kept(tmp_path)
    assert set(figures) == {*PARTS, "first half"} - {broken}
    assert failed == [broken]
    (failure,) = benchmark.record.failures
    assert "the compiler's words" in Path(failure.log).read_text()
    table = (tmp_path / "benchmarks.md").read_text()
    assert f"| {broken} | FAILED | | | make ended with 2. |" in table


def test_without_its_grid_what_stands_on_it_is_not_tried_and_the_rest_is(
    benchmark: module.Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyError("measure")

    monkeypatch.setattr(benchmark, "_pipeline", fail)
    benchmark.run()
    figures, failed = kept(tmp_path)
    assert figures == ["training", "overhead", "plans", "runners", "dask"]
    assert failed == ["grid"]


@pytest.mark.parametrize("only", module.ALONE)
def test_a_part_alone(benchmark: module.Benchmark, tmp_path: Path, only: str) -> None:
    benchmark.run(only)
    assert kept(tmp_path) == ([only], [])


def test_figures_are_in_the_file_before_the_next_is_measured(
    benchmark: module.Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> None:
        assert kept(tmp_path)[0] == ["stages", "builds", "simulators"]
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "_training", interrupted)
    with pytest.raises(KeyboardInterrupt):
        benchmark.run()
    assert kept(tmp_path)[0] == ["stages", "builds", "simulators"]


@pytest.mark.parametrize(("broken", "code"), [(None, 0), ("dask", 1)])
def test_the_exit_code_says_whether_a_part_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str | None, code: int
) -> None:
    def run(benchmark: module.Benchmark, only: str | None) -> None:
        with benchmark.record.part("dask"):
            benchmark.add(figure("of dask"))
            if broken:
                raise OSError("No space left on device")

    monkeypatch.setattr(module.Benchmark, "run", run)
    monkeypatch.setattr("sys.argv", ["benchmarks", "--output", str(tmp_path)])
    assert module.main() == code
    assert kept(tmp_path) == (["of dask"], [broken] if broken else [])
