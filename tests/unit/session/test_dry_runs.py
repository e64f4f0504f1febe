"""A plan and a dry run end as the run would: same exit code, same words, and nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from built_archive import Built, command_line

from bench.boards import trust
from bench.cli import main
from bench.errors import BenchError, Exit
from bench.pipeline import budget
from bench.session import reporting
from bench.system import files

Patch = pytest.MonkeyPatch


def little_memory(grid: Path, patch: Patch) -> list[str]:
    return ["--memory", "0.1"]


def no_memory_free(grid: Path, patch: Patch) -> list[str]:
    patch.setattr(budget, "free_memory", lambda: budget.GIB // 10)
    return []


def no_compiler(grid: Path, patch: Patch) -> list[str]:
    patch.setenv("PATH", str(grid.parent))
    return []


def no_space_for_environments(grid: Path, patch: Patch) -> list[str]:
    patch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10**6))
    return []


def no_right_to_write(grid: Path, patch: Patch) -> list[str]:
    def refused(*, dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    patch.setattr(files.tempfile, "TemporaryFile", refused)
    return []


def a_colon(grid: Path, patch: Patch) -> list[str]:
    return ["--store", str(grid.parent / "a:b")]


def a_file_as_store(grid: Path, patch: Patch) -> list[str]:
    return ["--store", str(grid)]


def claims_that_are_none(grid: Path, patch: Patch) -> list[str]:
    (grid.parent / "claims.toml").write_text("[C1]\njudge = 3\n")
    return []


def an_odd_vivado(grid: Path, patch: Patch) -> list[str]:
    program = grid.parent / "a b" / "2022.2" / "bin" / "vivado"
    program.parent.mkdir(parents=True)
    program.touch()
    patch.setenv("XILINX_VIVADO", str(program.parent.parent))
    return []


def a_vivado_not_supported(grid: Path, patch: Patch) -> list[str]:
    program = grid.parent / "2023.1" / "bin" / "vivado"
    program.parent.mkdir(parents=True)
    program.touch()
    patch.setenv("XILINX_VIVADO", str(program.parent.parent))
    return []


def a_board_nobody_trusted(grid: Path, patch: Patch) -> list[str]:
    patch.setenv("XDG_CONFIG_HOME", str(grid.parent / "config"))
    patch.setenv("SSH_AUTH_SOCK", str(grid.parent / "agent"))
    boards = '[measure]\nboard = "here"\n[[boards]]\nname = "here"\naddress = "127.0.0.1"\n'
    grid.write_text(f"{grid.read_text()}{boards}emulated = true\n")
    return []


def a_row_of_another_grid(grid: Path, patch: Patch) -> list[str]:
    return ["--row", "tfc-mnist-w9a9-s1-max"]


FAULTS: dict[Callable[[Path, Patch], list[str]], Exit] = {
    little_memory: Exit.CONFIG,
    no_memory_free: Exit.CONFIG,
    no_compiler: Exit.ENVIRONMENT,
    no_space_for_environments: Exit.ENVIRONMENT,
    no_right_to_write: Exit.STORE,
    a_colon: Exit.STORE,
    a_file_as_store: Exit.STORE,
    claims_that_are_none: Exit.CONFIG,
    an_odd_vivado: Exit.ENVIRONMENT,
    a_vivado_not_supported: Exit.ENVIRONMENT,
    a_board_nobody_trusted: Exit.BOARD,
    a_row_of_another_grid: Exit.CONFIG,
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_what_a_run_refuses_its_plan_and_its_dry_run_refuse(
    fault: Callable[[Path, Patch], list[str]],
    grid_file: Path,
    tmp_path: Path,
    monkeypatch: Patch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("BENCH_ENVIRONMENTS", raising=False)
    options = ["--store", str(tmp_path / "store"), *fault(grid_file, monkeypatch)]
    before = sorted(tmp_path.rglob("*"))
    said = set()
    for command in (["plan"], ["run", "--dry-run"], ["run"]):
        code = main([*command, str(grid_file), "--runner", "venv", *options])
        assert code == FAULTS[fault]
        said.add(capsys.readouterr().err)
    (words,) = said
    assert words.startswith("error: ")
    assert "what to do: " in words
    assert sorted(tmp_path.rglob("*")) == before


def test_claims_that_fare_worse_end_a_dry_run_as_they_end_the_command(
    on_built: Built, tmp_path: Path, monkeypatch: Patch
) -> None:
    real = reporting.report_on
    fall = SimpleNamespace(__str__=lambda: "C1 fell")

    def worse(*arguments: object, **options: object) -> reporting.Reported:
        found = real(*arguments, **options)  # type: ignore[arg-type]
        return reporting.Reported(found.results, (), (fall,), found.written, found.drawn)  # type: ignore[arg-type]

    monkeypatch.setattr(reporting, "report_on", worse)
    command = [*command_line(["claims"], on_built, tmp_path), "--json"]
    assert main([*command, "--dry-run"]) == main(command) == Exit.CLAIM


def test_a_report_that_is_as_before_stays_so_in_a_dry_run(
    on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Links, too: they lead from where the report is to stand."""
    shutil.rmtree(on_built.resolver.store.root / "cache" / "figures")
    command = command_line(["report"], on_built, tmp_path)
    assert main(command) == Exit.OK
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == Exit.OK
    said = capsys.readouterr().out
    assert "would stay as it is" in said
    assert "would change" not in said


@pytest.mark.parametrize("name", ["emulatedboard", "Emulated-Board", "emulated_board"])
def test_a_misspelt_emulated_board_is_no_host(
    name: str, grid_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(grid_file), "--runner", "venv", "--board", name]) == Exit.CONFIG
    assert "misspelt 'emulated-board'" in capsys.readouterr().err


def test_a_key_that_could_not_be_kept_is_not_trusted(tmp_path: Path, monkeypatch: Patch) -> None:
    (tmp_path / "finn-bench").write_text("a file where the folder has to be")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(BenchError, match="Not a directory") as dry:
        trust.require_writable()
    assert dry.value.exit_code == Exit.CONFIG
