"""Which commit a checkout is at: clean, changed, no git, somebody else's repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bench.system.checkout import describe_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit; a machine needs git for nothing else."""
    if shutil.which("git") is None:
        pytest.skip("not on PATH: git")
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("x = 1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "first")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(("git", "-C", folder, *arguments), check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_a_clean_tree_then_a_changed_one(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert describe_checkout(checkout) == {"commit": commit, "tree": "clean"}
    (checkout / "code.py").write_text("x = 2\n")
    (checkout / "new.py").write_text("y = 1\n")
    monkeypatch.setattr(
        "bench.system.checkout.FRESH_SECONDS", 1e-9
    )  # else git is not asked again yet
    assert describe_checkout(checkout) == {
        "commit": commit, "tree": "changed", "changes": "code.py, new.py",
    }  # fmt: skip


def test_a_copy_inside_another_repository_is_no_checkout(checkout: Path) -> None:
    inside = checkout / "copy"
    inside.mkdir()
    unknown = {"commit": "unknown", "tree": "unknown", "reason": "not a git checkout"}
    assert describe_checkout(inside) == unknown


def test_no_git_is_said(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))  # as a hook sets it
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(outside.parent))
    assert describe_checkout(outside)["reason"] == "not a git checkout"
    monkeypatch.setenv("PATH", str(outside))
    monkeypatch.setattr("bench.system.checkout.FRESH_SECONDS", 1e-9)
    assert describe_checkout(outside) == {
        "commit": "unknown",
        "tree": "unknown",
        "reason": "git cannot be run: No such file or directory",
    }
