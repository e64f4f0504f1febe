"""Every table at the widths of usual terminals: whole numbers, whole words, nothing cut off."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import inspections
import pytest
import searches
from fakes import MetricsRunner, write_grid

from bare_runner import resolver_on
from bench import claims, report
from bench.console.terminal import READABLE, Terminal
from bench.flows.finn import inspected, searched
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import execute, forecast, look_up, plan, survey
from bench.pipeline.ensure import describe_host
from bench.session.preview import show_bottlenecks, show_forecast

WIDTHS = (80, 100, 120)
WIDE = 400
NUMBER = re.compile(r"[-+<>=]*[0-9][-+0-9,./%xX]*")
Show = Callable[[Terminal], None]


@pytest.fixture(scope="module")
def shows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Show]:
    """What prints each kind of table, with numbers as wide as they become."""
    folder = tmp_path_factory.mktemp("widths")
    grid = load_grid(write_grid(folder))
    resolver = resolver_on(folder / "store", MetricsRunner())
    points = expand(grid)
    tasks = plan(points)
    expected = forecast(
        tasks, look_up(tasks, resolver, points), resolver.runners, 2, None, describe_host()
    )
    execute(tasks, resolver, jobs=2, cpus=2, emit=lambda event: None)
    results = report.collect(points, survey(points, resolver))
    for resource, count in (("lut", 1_355_415), ("ff", 2_178_405), ("bram18", 1160), ("dsp", 1616)):
        results[f"{resource}_mapped"] = count
        results[f"{resource}_mapped_low"] = round(count * 0.69)
        results[f"{resource}_mapped_high"] = round(count * 2.96)

    trainings = report.collect_trainings(points, survey(points, resolver))
    judged = claims.judge(claims.load_claims(ROOT / "experiments/claims.toml"), results, trainings)

    def show_plan(console: Terminal) -> None:
        show_bottlenecks(grid, console)
        show_forecast(expected, folder, console)

    large = {name: 1_302_578 + nth for nth, name in enumerate(searches.MODEL)}
    found = [searches.design(goal, model=large, size=1.83) for goal in ("fastest", "smallest:1024")]
    compared = {"designs": [{**one, "asked": 1024} for one in found], "fastest": found[0]}
    targets = [
        searches.target(*found, board=board, front=found, compared=compared)
        for board in ("Pynq-Z1", "AUP-ZU3_8GB")
    ]
    several = [(f"MobileNetV1 {bits} on CIFAR-10", searches.metrics(*targets))
               for bits in ("w2a2", "w4a4")]  # fmt: skip
    single = [("TFC w2a2 on MNIST", searches.metrics(searches.target(found[0])))]
    designs = [inspections.design(folding) for folding in ("low", "finn-examples", "PE = SIMD = 1")]
    return {
        "report": lambda console: report.show(results, "test", console),
        "claims": lambda console: claims.show_claims(judged, console),
        "plan": show_plan,
        "search of several": lambda console: searched.show(several, console),
        "search of one": lambda console: searched.show(single, console),
        "inspect": lambda console: inspected.show(inspections.metrics(designs[0]), console),
        "inspect several": lambda console: inspected.show(inspections.metrics(*designs), console),
    }


def shown(show: Show, width: int) -> str:
    file = io.StringIO()
    show(Terminal(file=file, width=width))
    return file.getvalue()


def numbers(text: str) -> set[str]:
    """Everything that looks like one, but for signs of punctuation after it."""
    return {word for word in (w.rstrip(".,;:)") for w in text.split()) if NUMBER.fullmatch(word)}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "name",
    [
        "report",
        "claims",
        "plan",
        "search of several",
        "search of one",
        "inspect",
        "inspect several",
    ],
)
def test_no_number_is_broken_and_nothing_is_cut_off(
    shows: dict[str, Show], name: str, width: int
) -> None:
    wide, narrow = shown(shows[name], WIDE), shown(shows[name], width)
    assert len(numbers(wide)) > 10
    assert numbers(narrow) == numbers(wide)
    assert max(map(len, narrow.splitlines())) <= width
    assert "…" not in narrow
    words = set(re.findall(r"[A-Za-z]{3,}", narrow))
    assert words <= set(re.findall(r"[A-Za-z]{3,}", wide)) | {"every", "row"}


def test_text_is_as_wide_as_a_terminal_and_narrow_elsewhere(shows: dict[str, Show]) -> None:
    file = io.StringIO()
    shows["claims"](Terminal(file=file, width=132, force_terminal=True, color_system=None))
    assert 120 < max(map(len, file.getvalue().splitlines())) <= 132
    assert max(map(len, shown(shows["claims"], WIDE).splitlines())) <= READABLE


@pytest.mark.parametrize("width", WIDTHS)
def test_a_fast_design_is_told_on_one_line(shows: dict[str, Show], width: int) -> None:
    """The first table of a report is never split at these widths."""
    lines = shown(shows["report"], width).splitlines()
    first = next(line for line in lines if "fastest that fits" in line)
    assert first.split()[-2:] == ["fits", "by"]
