"""Environments: what extends another is installed with it, and nothing goes by a name."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from bench.environments import ENVIRONMENTS, INSTALLED
from bench.images.recipe import RECIPES
from bench.paths import ROOT
from bench.runners.limits import GIB, Limits
from bench.runners.venv import VenvRunner


def test_an_environment_on_top_of_another_is_installed_with_it(tmp_path: Path) -> None:
    runner = VenvRunner(tmp_path)
    assert ENVIRONMENTS["vivado"].base == "finn"
    assert runner._home("vivado") == runner._home("finn") != runner._home("train")
    assert {environment.name for environment in INSTALLED} == RECIPES.keys() - {"board"}
    extending = [each for each in ENVIRONMENTS.values() if each.base]
    assert all(each.installation in RECIPES and not each.disk_bytes for each in extending)


def test_another_environment_with_vivado_needs_no_other_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(ENVIRONMENTS["vivado"], name="other", base="train")
    monkeypatch.setitem(ENVIRONMENTS, "other", other)
    monkeypatch.delenv("XILINX_VIVADO", raising=False)
    runner = VenvRunner(tmp_path)
    assert runner.lacks("other") == "XILINX_VIVADO is not set: no bitstream"
    assert runner._home("other") == runner._home("train")
    assert Limits(vivado_memory_bytes=GIB).of(other).memory_bytes == GIB


def test_no_environment_is_recognized_by_its_name() -> None:
    for path in (ROOT / "bench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                parts = (node.left, *node.comparators)
                names = [part.value for part in parts if isinstance(part, ast.Constant)]
                assert "vivado" not in names, f"{path}:{node.lineno}"
