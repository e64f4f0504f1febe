"""A store of another user, for real: every command says what it may not read or write."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.errors import Exit
from bench.paths import ROOT
from bench.store import Store
from synthetic import fill, write_grid

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else"),
    pytest.mark.skipif(
        any(not folder.stat().st_mode & stat.S_IXOTH for folder in (ROOT, *ROOT.parents)),
        reason="nobody else may enter the folder that this checkout is in",
    ),
]

NOBODY = 65534
# Everything is imported first: the interpreter may lie where only root can read. One process does
# all commands, since imports take longer than any of them.
AS_NOBODY = f"""
import contextlib, importlib, io, json, os, pkgutil, sys
import bench.commands, bench.report.html.write, bench.store.listing
import jinja2, pandas.core.methods.to_dict, rocrate.rocrate
for found in pkgutil.iter_modules(bench.commands.__path__, "bench.commands."):
    importlib.import_module(found.name)
sys.path.insert(0, "tests/integration")
from synthetic import resolver_of
from bench.session import runners
runners.open_resolver = lambda path, choice, grid=None: resolver_of(path)
bench.report.html.write.render = lambda figure, names: None
from bench.archive.tags import renderer
from bench.cli import main
renderer()  # it reads the versions of libraries, which are kept
b"a".decode("utf-8-sig"), "a".encode("idna")  # codecs are imported, too
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
ended = {{}}
for name, words in json.loads(sys.argv[1]).items():
    with contextlib.redirect_stdout(io.StringIO()) as out, \\
            contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(words)
    ended[name] = [code, out.getvalue(), err.getvalue()]
print(json.dumps(ended))
"""

Ended = dict[str, tuple[int, str, str]]
"""By name of the command: exit code, output, messages."""


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Path, Path]]:
    """A grid, and a store of root's with its results, which others may read."""
    # Not below the tests' own folder, which is kept from others.
    folder = Path(tempfile.mkdtemp(prefix="bench-other-", dir="/tmp"))
    file = write_grid(folder / "experiments", (2,), ("low", "max"), ("MNIST",))
    fill(file, folder / "store")
    write_grid(folder / "fewer", (2,), ("low",), ("MNIST",))
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    yield file, folder / "store"
    shutil.rmtree(folder)


def as_nobody(file: Path, store: Path) -> Ended:
    """How every command ends for another user."""
    at = ["--store", str(store)]
    grid = [str(file), *at, "--runner", "venv"]
    lines = {
        "ls": ["store", "ls", *at],
        "verify": ["store", "verify", *at],
        "gc": ["store", "gc", str(file.parents[1] / "fewer" / file.name), *grid[1:]],
        "plan": ["plan", *grid],
        "run": ["run", *grid],
        "report": ["report", *grid],
        "claims": ["claims", *grid],
        "export": ["export", *grid, "--output", str(file.parent / "x.zip")],
    }
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, json.dumps(lines)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    ended: Ended = json.loads(done.stdout)
    broken = [said for _, _, said in ended.values() if "Traceback" in said]
    assert not broken, broken[0]
    return ended


def test_a_store_that_may_only_be_read(made: tuple[Path, Path]) -> None:
    ended = as_nobody(*made)
    for name in ("ls", "verify"):
        assert ended[name][0] == Exit.OK, ended[name]
    assert "every file as its manifest says" in ended["verify"][1]
    for name in ("gc", "plan", "run", "report", "claims"):
        code, _, said = ended[name]
        assert code == Exit.STORE, ended[name]
        assert "Permission denied" in said
        assert "choose another with --store" in said
    assert ended["export"][0] == Exit.CONFIG  # there is no report yet


@pytest.mark.parametrize("what", ["manifest.json", "files/metrics.json", "."])
def test_what_may_not_be_read_is_never_taken_for_missing(
    made: tuple[Path, Path], what: str
) -> None:
    file, store = made
    entry = next(e for e in Store(store).entries() if e.manifest.stage == "train")
    path = entry.folder / what
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        ended = as_nobody(file, store)
    finally:
        path.chmod(mode)
    at_files = ("ls", "plan", "gc", "export")  # they do not look at files, or at others first
    for name in ended.keys() - (at_files if what == "files/metrics.json" else ()):
        code, shown, said = ended[name]
        assert code == Exit.STORE, (name, shown, said)
        assert "Permission denied" in said, name
