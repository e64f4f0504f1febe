"""With a Vivado that cannot be used, commands that look things up go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from built_archive import Built, command_line
from fakes import as_command_on

from bench.cli import main
from bench.errors import Exit
from bench.pipeline import Resolver
from bench.runners.venv import VenvRunner


@pytest.mark.parametrize("words", [["report"], ["claims"], ["why"], ["export"]])
def test_a_vivado_that_is_not_supported_is_no_error_of_a_command_that_looks_up(
    on_built: Built,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    program = tmp_path / "Vivado" / "2023.1" / "bin" / "vivado"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setenv("XILINX_VIVADO", str(program.parent.parent))
    with_vivado = {**on_built.resolver.runners, "vivado": VenvRunner(tmp_path / "environments")}
    resolver = Resolver(on_built.resolver.store, with_vivado)
    as_command_on(resolver, monkeypatch)
    if words == ["export"]:  # the report has to say it, too
        assert main(command_line(["report"], on_built, tmp_path)) == Exit.OK
    assert main(command_line(words, on_built, tmp_path)) == Exit.OK
    assert "Vivado 2023.1" in capsys.readouterr().out or words != ["report"]
