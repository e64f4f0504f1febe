"""Runs FINN+'s own tests of its layers with Verilator in place of Vivado's simulator.

A plug-in of pytest's, as the tests lie in an installed package.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.workermanage import WorkerController

import absent

absent.install()

from finn_worker import toolchain  # noqa: E402

WORK = Path(os.environ["PEER_WORK"])
toolchain.import_layers()
toolchain.prepare(WORK / "generated")

import seam  # noqa: E402

seam.install()

from finn.util.exception import FINNUserError  # noqa: E402

import stitching  # noqa: E402
from layers import LAYERS  # noqa: E402
from mutants import MUTANTS, Mutant  # noqa: E402
from selection import SAMPLE, TESTS, cases, narrowed, reason_against  # noqa: E402
from simulators import Simulators  # noqa: E402

ALL = os.environ.get("BENCH_PEER") == "all"
PROPERTY = "peer"
_left_out: Counter[str] = Counter()
MUTANT = pytest.StashKey[Mutant]()


def pytest_pycollect_makeitem(name: str, obj: Any) -> list[pytest.Item] | None:
    """Leave out what is not RTL, before FINN+'s tens of thousands of cases are made."""
    if not name.startswith("test_"):
        return None
    marks = getattr(obj, "pytestmark", [])
    if name not in TESTS:
        _left_out["of Python or C++ alone, or of weights written at run time"] += cases(marks)
        return []
    obj.pytestmark = narrowed(marks)
    _left_out["of C++ that Vitis HLS compiles"] += cases(marks) - cases(obj.pytestmark)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not wanted of the RTL, and add a case for each mutant."""
    missing = SAMPLE - {item.name for item in items}
    if missing:
        raise pytest.UsageError(f"FINN+ has no tests of these names: {', '.join(sorted(missing))}")
    chosen: list[pytest.Function] = []
    for item in items:
        assert isinstance(item, pytest.Function)
        stitching.install(item.module)
        reason = reason_against(_parameters(item))
        if reason is None and not ALL and item.name not in SAMPLE:
            reason = "not in the sample (BENCH_PEER=all runs them)"
        if reason is None:
            chosen.append(item)
        else:
            _left_out[reason] += 1
    by_name = {item.name: item for item in chosen}
    faulty = [_with_fault(by_name[mutant.killer], mutant) for mutant in MUTANTS]
    items[:] = [*chosen, *faulty]
    if hasattr(config, "workeroutput"):
        config.workeroutput[PROPERTY] = dict(_left_out)


def _parameters(item: pytest.Function) -> dict[str, object]:
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def _with_fault(item: pytest.Function, mutant: Mutant) -> pytest.Function:
    """The same test with the same data, which FINN+ derives from the test's name."""
    twin: pytest.Function = pytest.Function.from_parent(
        item.parent,
        name=f"{item.name}@{mutant.name}",
        callspec=item.callspec,
        callobj=item.obj,
        fixtureinfo=item._fixtureinfo,
        originalname=item.originalname,
    )
    twin.stash[MUTANT] = mutant
    return twin


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Give the test its simulators, and judge what they have shown."""
    mutant = item.stash.get(MUTANT, None)
    current = seam.start(Simulators(WORK / "cache", mutant))
    note = found = ""
    try:
        yield
    except stitching.NodeOnly as reason:
        note = f"as a node only: {reason}"
    except (AssertionError, FINNUserError) as fault:
        if mutant is None:
            raise
        found = str(fault).splitlines()[0]
    finally:
        seam.finish()
    if mutant is not None and not found:
        pytest.fail(f"{mutant.name} was not found: {mutant.old!r} -> {mutant.new!r}")
    assert current.designs, "nothing was simulated"
    facts = {
        "layer": LAYERS[item.path.name],
        "mutant": mutant.name if mutant else None,
        "found": found,
        "note": note,
        "variants": sorted(current.variants),
        "cycles": current.cycles,
        "stalled_cycles": current.stalled_cycles,
    }
    item.user_properties.append((PROPERTY, facts))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    """Take what one process has left out; it is the same in each."""
    _left_out.clear()
    _left_out.update(node.workeroutput.get(PROPERTY, {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count by layer what was run, and name what found each fault."""
    write = terminalreporter.write_line
    facts = [
        {"test": report.nodeid.split("::")[-1], **properties[PROPERTY]}
        for report in terminalreporter.getreports("passed")
        if PROPERTY in (properties := dict(report.user_properties))
    ]
    terminalreporter.section("FINN+'s tests, every cycle compared, with and without stalls")
    for layer in LAYERS.values():
        own = [fact for fact in facts if fact["layer"] == layer and not fact["mutant"]]
        if own:
            write(_line(layer, own))
    for reason, count in _left_out.items():
        write(f"not run: {count} {reason}")
    terminalreporter.section("faults put into the stand-ins, and what found them")
    for fact in facts:
        if fact["mutant"]:
            write(f"{fact['mutant']}: {fact['found']}, in {fact['test']}")


def _line(layer: str, own: Sequence[Mapping[str, Any]]) -> str:
    pairs = sum(len(fact["variants"]) > 1 for fact in own)
    notes = Counter(fact["note"] for fact in own if fact["note"])
    cycles = sum(fact["cycles"] for fact in own)
    stalled = sum(fact["stalled_cycles"] for fact in own)
    compared = (
        f"{pairs} of them equal with stand-ins and without" if pairs else "no stand-in in them"
    )
    parts = [f"{len(own)} passed", compared]
    parts += [f"{count} {note}" for note, count in notes.items()]
    return f"{layer}: {'; '.join(parts)}; {cycles} cycles, {stalled} more with stalls"
