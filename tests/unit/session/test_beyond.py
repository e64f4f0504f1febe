"""What a run is likely to be stopped for is said before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import main
from bench.errors import Exit
from bench.pipeline import Resolver
from bench.session import runners


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
    resolver: Resolver,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(runners, "open_resolver", lambda path, choice, grid=None: resolver)
    text = grid_file.read_text().replace("epochs = 2", "epochs = 500")
    grid_file.write_text(f"{text}\n[limits]\n{limits}\n")
    options = [str(grid_file), "--store", str(resolver.store.root), "--runner", "venv"]
    assert main([*command, *options]) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert all(words in shown for words in said)
    assert ("would be stopped" in shown) == bool(said)
