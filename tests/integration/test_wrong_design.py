"""A wrong design: commands end with 9, archives and comparisons say which rows are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from wrong_design import NAME, REASON, Made

from bench import archive
from bench.cli import main
from bench.commands import common
from bench.errors import Exit

pytestmark = pytest.mark.usefixtures("no_fsync", "no_drawing")


@pytest.fixture(scope="module", params=["simulate", "measure"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def as_command(made: Made, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(common, "open_resolver", lambda path, choice, grid=None: made.resolver)
    return ["--store", str(made.store.root), "--runner", "venv"]


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
