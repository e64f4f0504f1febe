"""The C++ compiler: what passes the check before a run is what the worker then uses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.environments import ENVIRONMENTS
from bench.errors import EnvironmentFailure
from bench.paths import ROOT
from bench.runners.provision import require_tools
from bench.session import diagnosis

sys.path[:0] = [str(ROOT / "docker" / name) for name in ("common", "finn")]

from finn_worker.compiler import find_compiler  # noqa: E402
from stagekit import StageError  # noqa: E402


def install(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in (*names, "make"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} 12\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("installed", "named", "used"),
    [
        (("g++",), None, "g++"),
        (("clang++",), None, "clang++"),
        (("c++",), None, "c++"),
        (("clang++", "c++", "g++"), None, "g++"),
        (("my-c++",), "my-c++", "my-c++"),
        (("g++", "icpx"), "icpx", "icpx"),
        (("g++", "ccache"), "ccache g++", "ccache g++"),
    ],
)
def test_both_halves_take_the_same_compiler(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed: tuple[str, ...],
    named: str | None,
    used: str,
) -> None:
    install(tmp_path / "bin", *installed)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    if named:
        monkeypatch.setenv("CXX", named)
    require_tools(ENVIRONMENTS["finn"])
    program, *options = used.split()
    assert find_compiler().command == (str(tmp_path / "bin" / program), *options)
    assert diagnosis.compiler().found == f"{program} 12"


@pytest.mark.parametrize("named", [None, "no-such-compiler", "bin/g++"])
def test_both_halves_refuse_what_is_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    install(tmp_path / "bin", *(("g++",) if named else ()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CXX", raising=False)
    if named:
        monkeypatch.setenv("CXX", named)
    with pytest.raises(EnvironmentFailure) as beforehand:
        require_tools(ENVIRONMENTS["finn"])
    with pytest.raises(StageError) as later:
        find_compiler()
    assert beforehand.value.what == later.value.what
    assert (named or "g++") in beforehand.value.what
    assert diagnosis.compiler().status == "missing"
