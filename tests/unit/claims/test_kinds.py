"""Kinds of claims: each is one file, from outside of the package as well."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from fakes import MetricsRunner, as_command_on

from bare_runner import resolver_on
from bench import claims, report
from bench.claims import Verdict, registry
from bench.cli import main
from bench.errors import ConfigError, Exit
from bench.grids.experiment import Point
from bench.pipeline import execute, plan, survey

OUTSIDE = '''
from typing import Literal

from bench.claims import Claim, Evidence, Kind, Part, Verdict, register
from bench.results import File, column

LATENCY = column("latency_cycles")


class LatencyClaim(Claim):
    """Every design answers within so many cycles."""

    judge: Literal["latency"]
    cycles: int


def judge(claim, results):
    known = [row for row in results if row[LATENCY.name] is not None]
    slowest = max(known, key=lambda row: row[LATENCY.name])
    fast_enough = slowest[LATENCY.name] <= claim.cycles
    verdict = Verdict.REPRODUCED if fast_enough else Verdict.NOT_REPRODUCED
    evidence = Evidence(
        what="the slowest", arithmetic="", value=slowest[LATENCY.name], unit=LATENCY.unit,
        origin=LATENCY.origin, rows=(slowest["experiment"],),
    )
    return Part(verdict, "as measured.", [evidence])


register(Kind(name="latency", table=LatencyClaim, file=File.RESULTS, judge=judge))
'''
STATED = """
[L1]
judge = "latency"
title = "It answers soon"
statement = "Every design answers within 400 cycles."
source = "us"
networks = ["TFC"]
tolerance = "none."
why = "cycles are counted."
full = "all designs."
cycles = 400
"""


@pytest.fixture
def own_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_register", dict(registry._register))


def test_a_kind_of_claim_is_one_file_outside_of_the_package(
    own_register: None,
    extension: Callable[[str, str], Path],
    experiments: Sequence[Point],
    grid_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Places to touch for a kind of claim: 1."""
    beside = grid_file.parent / "claims.toml"
    beside.write_text(STATED)
    with pytest.raises(ConfigError, match="judge = 'latency' is not known"):
        claims.load_claims(beside)

    extension("latency.py", OUTSIDE)
    runner = MetricsRunner()
    resolver = resolver_on(tmp_path / "store", runner)
    execute(plan(experiments), resolver, jobs=2, cpus=2, emit=lambda event: None)
    stated = claims.load_claims(beside)
    results = report.collect(experiments, survey(experiments, resolver))
    (judged,) = claims.judge(
        stated, results, report.collect_trainings(experiments, survey(experiments, resolver))
    )
    assert (judged.verdict, judged.evidence[0].value) == (Verdict.REPRODUCED, 300)

    options = [*as_command_on(resolver, monkeypatch), "--json"]
    assert main(["claims", str(grid_file), *options]) == Exit.OK
    (told,) = json.loads(capsys.readouterr().out)["claims"]
    assert (told["verdict"], told["evidence"][0]["unit"]) == ("reproduced", "cycles")


def test_a_kind_cannot_be_there_twice() -> None:
    with pytest.raises(ValueError, match="accuracy already"):
        claims.register(claims.kinds()["accuracy"])


def test_claims_columns_and_provenance_are_there_without_pandas() -> None:
    """`bench plan` and `bench why` need no tables, and are to start soon."""
    code = (
        "import sys, bench.claims, bench.provenance, bench.results, bench.results.facts; "
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
