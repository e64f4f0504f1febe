"""What a run is likely to be stopped for is said before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import main
from bench.errors import Exit
from bench.session import beyond


@pytest.fixture(autouse=True)
def without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beyond, "has_gpu", lambda: False)


@pytest.mark.parametrize("command", [["plan"], ["run", "--dry-run"], ["run"]])
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("minutes = 1", ("train tfc-mnist-w2a2-s1 is expected to take", "fewer epochs")),
        ("memory_gib = 0.3", ("export tfc-mnist-w2a2-s1 is expected", "limits.memory_gib = 0.3")),
        ("minutes = 1000", ()),
    ],
)
def test_what_takes_too_long_or_too_much_is_said(
    command: list[str],
    limits: str,
    said: tuple[str, ...],
    grid_file: Path,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = grid_file.read_text().replace("epochs = 2", "epochs = 500")
    grid_file.write_text(f"{text}\n[limits]\n{limits}\n")
    assert main([*command, str(grid_file), *as_command]) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert all(words in shown for words in said)
    assert ("would be stopped" in shown) == bool(said)


def test_a_gpu_trains_in_less_than_what_a_processor_takes(
    grid_file: Path,
    as_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Until a training has run here, its time is a processor's."""
    monkeypatch.setattr(beyond, "has_gpu", lambda: True)
    text = grid_file.read_text().replace("epochs = 2", "epochs = 500")
    grid_file.write_text(f"{text}\n[limits]\nminutes = 1\n")
    assert main(["plan", str(grid_file), *as_command]) == Exit.OK
    assert "train tfc-mnist-w2a2-s1 is expected" not in capsys.readouterr().out
