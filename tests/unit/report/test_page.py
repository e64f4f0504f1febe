"""The report's page: everything is on it, escaped, and every link leads somewhere."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fakes import FakeRunner, gathered, write_grid

from bare_runner import resolver_on
from bench.console.events import Emit
from bench.errors import StageFailure
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, execute, plan
from bench.report.figures import frames, pareto
from bench.report.html import page, table
from bench.report.html.provenance import About, provenance_of, relative_url
from bench.report.material import Material
from bench.results import File, columns, names
from bench.runners import Job
from bench.runners.wire import Result

ODD = "<script>alert('1')</script> & \"x\" a/b"
CLAIM = {
    "claim": "C9", "title": f"title {ODD}", "statement": "s", "source": "a paper",
    "networks": ["LFC"], "in_grid": True, "tolerance": "exact",
    "verdict": "partly", "reason": f"reason {ODD}",
    "evidence": [
        {"what": "w", "arithmetic": "1 < 2", "value": None, "unit": "x", "origin": "rtl-sim",
         "rows": ["tfc-mnist-w2a2-s1-low", "nowhere"]},
    ],
}  # fmt: skip


class _Page(HTMLParser):
    """Ids, links and text of a page; scripts apart from the rest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if tag == "a" else []
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        else:
            self.text += data


def _render(
    material: Material,
    folder: Path,
    claims: list[dict[str, Any]] | None = None,
    timing: Sequence[dict[str, Any]] = (),
) -> str:
    about = About(Path("experiments/test.toml"), ("--images", "500"))
    found = provenance_of(material, about, folder)
    return page.render_page(material, [], found, about, claims, list(timing))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def material(root: Path) -> Material:
    """Two trainings by two foldings, in a store: one simulation failed, all else is done."""
    experiments, runner = expand(load_grid(write_grid(root))), FakeRunner()
    runner.fail_on("simulate", experiments[1].name)
    resolver = resolver_on(root / "store", runner)
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    return gathered(experiments, resolver)


def test_every_link_within_the_page_leads_somewhere(material: Material, tmp_path: Path) -> None:
    found = _Page(_render(material, tmp_path / "store" / "reports" / "test", [CLAIM]))
    assert [name for name, count in Counter(found.ids).items() if count > 1] == []
    inside = {link[1:] for link in found.links if link.startswith("#")}
    assert inside - set(found.ids) == set()
    assert {"row-0", "chain-0", "claim-1"} <= inside


def test_manifests_are_linked_to_where_they_are(material: Material, root: Path) -> None:
    folder = root / "store" / "reports" / "test"
    links = _Page(_render(material, folder)).links
    manifests = [link for link in links if link.endswith("manifest.json")]
    assert len(manifests) == 1 + 2 + 2 + 4 + 4 + 4 + 3 + 3  # by stage; a measurement is missing
    folder.mkdir(parents=True)
    assert all((folder / link).is_file() for link in manifests)


def test_a_record_tells_everything(material: Material, tmp_path: Path) -> None:
    text = _Page(_render(material, tmp_path)).text
    steps = material.chains["tfc-mnist-w2a2-s1-low"]
    made = next(step.manifest for step in steps if step.stage == "train")
    assert made is not None
    for told in (made.key, *made.inputs.values(), "seed = 1", "tool 1", "tool==1 for train"):
        assert told in text
    assert made.checkout["commit"] in text
    assert "bench run experiments/test.toml --row tfc-mnist-w2a2-s1-low --images 500" in text


def test_what_failed_is_there_with_its_reason(material: Material, tmp_path: Path) -> None:
    text = _render(material, tmp_path)
    assert text.count('<tr id="row-') == 4
    assert re.search(r"<b>1 point</b>, failed: simulate: It broke\.", text)
    assert "3 done, 1 failed" in text


def test_what_failed_leads_to_its_log_and_shows_its_end(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    def fail(job: Job) -> None:
        if job.request.stage == "simulate" and job.task == experiments[1].name:
            lines = "".join(f"line {number}\n" for number in range(100))
            job.log.write_bytes(lines.encode() + b"\x1b[31m<b>odd</b>\x1b[0m \xff\x00 end\n")
            raise StageFailure("It broke.", "Mend it.", job.log)

    runner.before = fail
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    folder = resolver.store.root / "reports" / "test"
    folder.mkdir(parents=True)
    found = _Page(text := _render(gathered(experiments, resolver), folder))
    logs = [link for link in found.links if link.endswith("log.txt")]
    assert len(logs) == 2  # where it says what is not done, and in the chain of the point
    assert all("line 99" in (folder / link).read_text(errors="replace") for link in logs)
    shown = re.findall(r"<pre>(line .*?)</pre>", text, flags=re.DOTALL)
    assert len(shown) == 1
    lines = shown[0].splitlines()
    assert lines[0] == "line 81"
    assert lines[-1] == "&lt;b&gt;odd&lt;/b&gt; \ufffd end"


def test_an_infeasible_point_leads_to_its_log(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, tmp_path: Path
) -> None:
    made = runner.run

    def refuse(job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        result = made(job, emit, cancelled)
        odd = job.request.stage == "compile" and job.task == experiments[1].name
        return replace(result, status="infeasible", reason="PE 8 of 10") if odd else result

    runner.run = refuse  # type: ignore[method-assign]
    execute(plan(experiments), resolver, 2, 2, lambda event: None)
    material = gathered(experiments, resolver)
    folder = tmp_path / "store" / "reports" / "test"
    folder.mkdir(parents=True)
    logs = [x for x in _Page(_render(material, folder)).links if x.endswith("log.txt")]
    assert len(logs) == 2
    assert all(
        (folder / link).read_text() == f"working on {experiments[1].name}\n" for link in logs
    )
    (step,) = [one for one in material.chains[experiments[1].name] if one.log]
    assert (step.stage, step.status) == ("compile", "infeasible")
    assert step.log is not None
    step.log.unlink()
    found = _Page(_render(gathered(experiments, resolver), folder))
    assert not [link for link in found.links if link.endswith("log.txt")]


def test_an_empty_store_gives_rows_that_are_missing(
    experiments: Sequence[Point], resolver: Resolver, tmp_path: Path
) -> None:
    found = _Page(text := _render(gathered(experiments, resolver), tmp_path))
    assert text.count('class="k-missing"') == 4
    assert "4 points, missing: dataset" in found.text
    assert "Nothing has been run yet." in found.text
    assert "The claims were not judged." in found.text


def test_an_empty_grid_is_a_page_too(tmp_path: Path) -> None:
    empty = Material(
        "none",
        pd.DataFrame(columns=names(columns(File.RESULTS))),
        pd.DataFrame(columns=["experiment", "dataset", "accuracy"]),
    )
    text = _Page(_render(empty, tmp_path, [])).text
    assert "The grid has no points." in text
    assert "No claim is stated for this grid." in text


def test_odd_names_stay_text(material: Material, tmp_path: Path) -> None:
    results = material.results.assign(folding=ODD, reason=ODD)
    results["experiment"] = [f"{name} {ODD}" for name in results["experiment"]]
    chains = {f"{name} {ODD}": steps for name, steps in material.chains.items()}
    odd = Material(f"grid {ODD}", results, material.trainings, chains=chains)
    found = _Page(_render(odd, tmp_path, [CLAIM]))
    assert len(found.scripts) == 1
    assert "alert" not in found.scripts[0]
    for place in (f"grid {ODD}", f"w2a2 {ODD}", f"title {ODD}", f"reason {ODD}"):
        assert place in found.text
    assert all(re.fullmatch(r"[a-z0-9-]+", one) for one in found.ids)


def test_claims_stand_with_verdict_evidence_and_rows(material: Material, tmp_path: Path) -> None:
    text = _render(material, tmp_path, [CLAIM])
    assert re.search(r'class="badge b-partly">.*?partly</span>', text)
    assert "1 &lt; 2" in text
    row = re.search(r"<td><abbr[^>]*>rtl-sim</abbr></td>\s*<td>(.*?)</td>", text, re.DOTALL)
    assert row
    assert 'href="#row-0"' in row[1]
    assert "nowhere" in row[1]


def test_a_report_without_the_claims_networks_opens_with_its_own_results(
    material: Material, tmp_path: Path
) -> None:
    text = _render(material, tmp_path, [CLAIM | {"in_grid": False}])
    assert "title " not in _Page(text).text
    assert "Claim C9 (a paper) is about another network, LFC." in text
    places = [text.index(f'<h2 id="{part}">') for part in ("figures", "results", "claims")]
    assert places == sorted(places)


def test_predicted_times_stand_beside_the_actual_ones(material: Material, tmp_path: Path) -> None:
    times = {"stage": "train", "tasks": 2, "predicted_seconds": 100.0, "actual_seconds": 150.0}
    free = {"stage": "export", "tasks": 0, "predicted_seconds": 0.0, "actual_seconds": 0.0}
    clock = times | {"stage": "on the clock", "from_earlier_runs": True}
    text = _Page(_render(material, tmp_path, timing=[times, free, clock])).text
    assert (
        "2 tasks took 2 min 30 s; expected, from earlier runs: 1 min 40 s (1.50 times that)" in text
    )
    assert "1 min 40 s" in text
    assert "1.50" in text


def test_tasks_that_are_behind_no_point_are_told_of(material: Material, tmp_path: Path) -> None:
    def timed(stage: str, tasks: int) -> dict[str, Any]:
        return {"stage": stage, "tasks": tasks, "predicted_seconds": 1.0, "actual_seconds": 1.0}

    clock = timed("on the clock", 8) | {"from_earlier_runs": True}
    timing = [timed("draft", 3), timed("inspect", 3), timed("train", 2), timed("total", 8), clock]
    text = _Page(_render(material, tmp_path, timing=timing)).text
    assert "6 of these (draft and inspect) only checked ahead what could be made" in text
    assert "artifacts behind the points" in text
    text = _Page(_render(material, tmp_path, timing=timing[2:])).text
    assert "checked ahead" not in text


def test_nothing_on_the_page_is_loaded_from_elsewhere(material: Material, tmp_path: Path) -> None:
    text = _render(material, tmp_path, [CLAIM])
    assert "default-src 'none'" in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
    assert not re.search(r"url\((?!#)", text)


def test_columns_that_say_nothing_are_left_out(material: Material) -> None:
    shown = names(table.columns_of(material.rows))
    assert {"seed", "board", "dataset", "lut_synth"} & set(shown) == set()
    rows = [dict(row) for row in material.rows]
    rows[0] |= {"seed": 2, "lut_synth": 5}
    assert {"seed", "lut_synth"} <= set(names(table.columns_of(rows)))


def test_dominated_points_are_not_efficient() -> None:
    costs = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.0], [4.0, 1.0]])
    assert list(pareto.efficient(costs)) == [True, True, False, True, True]


def test_bits_are_ordered_by_width() -> None:
    assert frames.bits_order([8, 2, "8-2-2-8", 5, 2]) == [2, 5, "8-2-2-8", 8]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Fashion-MNIST", "fashion-mnist"), ("../a b", "a-b"), ("<>", "x")],
)
def test_file_names_are_tame(text: str, expected: str) -> None:
    assert frames.slug(text) == expected


def test_urls_are_quoted() -> None:
    assert relative_url(Path("/s/a#b/c?d e"), Path("/s/reports/g")) == "../../a%23b/c%3Fd%20e"
