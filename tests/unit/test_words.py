"""The words that every part shares: labels, their order, and that each can be read back."""

from __future__ import annotations

import ast
import json
import re

import pytest

from bench.paths import ROOT
from bench.words import FINDINGS, Origin, Precision, State, Status, parse_widths
from contract.finn.measure import EMULATED
from contract.wire import ENDINGS


@pytest.mark.parametrize(
    ("precision", "label"),
    [
        (Precision(2, 4), "w2a4"),
        (Precision((8, 2, 2, 8), 4), "w8-2-2-8a4"),
        (Precision((8, 2), (4, 4)), "w8-2a4-4"),
        (Precision(0, 0), "float"),
    ],
)
def test_a_precision_is_its_label_and_back(precision: Precision, label: str) -> None:
    assert precision.label == f"{precision}" == label
    assert Precision.parse(label) == precision


@pytest.mark.parametrize("text", ["", "w2", "a2w2", "w2a", "W2A2", "w-2a2", "w2a2 "])
def test_what_is_no_precision_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Precision.parse(text)


def test_widths_are_read_from_tables_requests_and_csv_files() -> None:
    assert Precision.of("8-2", [4, 4]) == Precision((8, 2), (4, 4))
    assert parse_widths("float") == 0


def test_precisions_are_ordered_by_weights_then_activations() -> None:
    ordered = ["w2a2", "w2a4", "w4a2", "w5a2", "w8-2-2-8a2", "w8a8", "float"]
    assert [str(p) for p in sorted(map(Precision.parse, reversed(ordered)))] == ordered


def test_words_are_text_in_files_and_sentences() -> None:
    assert json.dumps([Status.DONE, Origin.RTL_SIM]) == '["done", "rtl-sim"]'
    assert str(State(status=Status.DONE)) == "done"
    assert str(State(status=Status.FAILED, stage="size", reason="It broke.")) == "failed: size"
    assert max(Status, key=lambda status: status.severity) == Status.WRONG
    assert {status for status in Status if status.is_finding} == set(FINDINGS)
    assert EMULATED == Origin.EMULATED_BOARD
    assert set(ENDINGS) == {*FINDINGS, Status.FAILED}, "those of the workers"


def test_no_precision_is_spelled_by_hand() -> None:
    """Labels come from `Precision`; an f-string like `w{...}a{...}` is another spelling."""
    for path in (ROOT / "bench").rglob("*.py"):
        if path == ROOT / "bench" / "words.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "{}" for p in node.values]
                assert not re.search(r"\bw\{\}a\{\}", "".join(map(str, parts))), path
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.search(r"\bw\{\}a\{\}", node.value), path
