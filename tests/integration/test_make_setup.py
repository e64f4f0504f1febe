"""`.venv` and `.tox` when several makes of one clone run at once, are killed, or clean up.

The Makefile and its script are the real ones; what they install is small, so that it takes seconds.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.paths import ROOT

# What a shell starts in the background ignores Ctrl-C, and so would everything that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# The least that pip takes for a build; slow enough for several makes to meet.
BACKEND = """
import time
from zipfile import ZipFile

def build_editable(folder, *_):
    time.sleep(1)
    name = "small-1-py3-none-any.whl"
    with ZipFile(f"{folder}/{name}", "w") as wheel:
        files = {"METADATA": "Metadata-Version: 2.1\\nName: small\\nVersion: 1\\n", "RECORD": "",
                 "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
        for file, text in files.items():
            wheel.writestr(f"small-1.dist-info/{file}", text)
    return name
"""
TOX = """#!/bin/sh
echo begin >>said
sleep 1
echo end >>said
"""


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone of what matters here, in a folder with a space in its name."""
    folder = tmp_path / "a clone"
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    shutil.copytree(ROOT / "tools", folder / "tools")
    (folder / "bench" / "system").mkdir(parents=True)
    for name in ("__init__.py", "system/__init__.py", "system/pip_settings.py"):
        shutil.copy(ROOT / "bench" / name, folder / "bench" / name)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "backend.py").write_text(BACKEND)
    for name in ("host", "dev", "cluster"):
        (folder / "requirements" / f"{name}.lock").touch()
    yield folder
    shutil.rmtree(folder)


def start(folder: Path, target: str) -> subprocess.Popen[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.Popen(
        ["make", target], cwd=folder, env=variables, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(make: subprocess.Popen[str]) -> str:
    """What it said; it has to end well."""
    said = make.communicate(timeout=120)[0]
    assert make.returncode == 0, said
    return said


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.02)


def installed(folder: Path) -> bool:
    python = folder / ".venv" / "bin" / "python"
    return subprocess.run([python, "-m", "pip", "show", "-q", "small"], check=False).returncode == 0


@pytest.mark.parametrize("later", [".locks/setup", ".venv/bin/python"])
def test_several_at_once_in_a_fresh_clone(clone: Path, later: str) -> None:
    """The others start at once, or while the first is in the middle of it."""
    first = start(clone, "setup")
    wait_for(clone / later)
    others = [start(clone, target) for target in ("setup", ".venv/dev")]
    assert "setting up .venv" in finish(first)
    for said in map(finish, others):
        assert "another make is setting up .venv; waiting for it" in said
        assert "setting up .venv (once)" not in said
    assert installed(clone)
    assert "setting up" not in finish(start(clone, "setup"))


def test_a_killed_setup_is_made_again(clone: Path) -> None:
    killed = start(clone, "setup")
    wait_for(clone / ".venv" / "bin" / "python")
    killed.kill()  # make alone: its children still work in .venv, and have to be waited for
    assert "waiting for it" in finish(start(clone, "setup"))
    killed.communicate()
    (clone / "requirements" / "host.lock").write_text("# other packages\n")
    killed = start(clone, "setup")
    wait_for(clone / ".venv" / "pyvenv.cfg")
    while (clone / ".venv" / "ready").exists():
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not (clone / ".venv" / "ready").exists()
    assert "setting up .venv" in finish(start(clone, "setup"))
    assert installed(clone)


def test_an_interrupted_setup_says_so_and_is_made_again(clone: Path) -> None:
    interrupted = start(clone, "setup")
    wait_for(clone / ".venv" / "bin" / "python")
    os.killpg(interrupted.pid, signal.SIGINT)  # as Ctrl-C does
    said = interrupted.communicate(timeout=60)[0]
    assert interrupted.returncode != 0
    assert "interrupted; the next make goes on from here" in said
    assert "Traceback" not in said
    assert "setting up .venv" in finish(start(clone, "setup"))
    assert installed(clone)


def test_an_extra_is_added_and_gone_with_what_it_was_added_to(clone: Path) -> None:
    finish(start(clone, "cluster"))
    assert (clone / ".venv" / "cluster").exists()
    assert "setting up" not in finish(start(clone, "cluster"))
    (clone / "requirements" / "host.lock").write_text("# other packages\n")
    finish(start(clone, "setup"))
    assert not (clone / ".venv" / "cluster").exists()


def test_a_set_up_from_the_venv_that_it_replaces(clone: Path) -> None:
    finish(start(clone, "setup"))
    (clone / "requirements" / "host.lock").write_text("# other packages\n")
    python = clone / ".venv" / "bin" / "python"  # as where it is activated
    subprocess.run([python, clone / "tools" / "venv.py", "host"], cwd=clone, check=True)
    assert installed(clone)


def test_a_clone_that_was_moved_gets_another_one(clone: Path) -> None:
    finish(start(clone, "setup"))
    moved = clone.rename(clone.parent / "moved")
    assert "setting up .venv" in finish(start(moved, "setup"))
    moved.rename(clone)


def test_two_runs_of_the_tests_take_turns_and_clean_waits_for_neither(clone: Path) -> None:
    finish(start(clone, ".venv/dev"))
    tox = clone / ".venv" / "bin" / "tox"
    tox.write_text(TOX)
    tox.chmod(0o700)
    (clone / ".tox").mkdir()
    makes = [start(clone, "test") for _ in range(2)]
    wait_for(clone / "said")
    clean = start(clone, "clean")
    said = clean.communicate(timeout=60)[0]
    assert clean.returncode == 2
    assert "a make in this folder runs, so nothing was removed" in said
    said = "".join([finish(make) for make in makes])
    assert said.count("another `make test` runs here; waiting for it") == 1
    assert (clone / "said").read_text().split() == ["begin", "end"] * 2
    finish(start(clone, "clean"))
    assert not (clone / ".venv").exists()
    assert not (clone / ".tox").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_clone_that_others_set_up_and_one_may_only_read(clone: Path) -> None:
    finish(start(clone, "setup"))
    shutil.rmtree(clone / ".locks")
    clone.chmod(0o500)
    try:
        assert "setting up" not in finish(start(clone, "setup"))
    finally:
        clone.chmod(0o700)
