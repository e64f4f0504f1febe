"""Interrupts: a committed artifact is never touched again, a clean-up comes to its end."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from fakes import FakeRunner
from pydantic_core import SchemaError
from stored import KEY, manifest

from bench.cli import cli, main
from bench.console.events import Event, Finished
from bench.errors import Exit, StoreError
from bench.grids.experiment import Point
from bench.pipeline import Resolver, execute, plan
from bench.store import Entry, Store
from bench.store import store as store_module
from bench.system import interrupts
from bench.system.output import OutputLost


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("at_once", "shields", "told", "received", "raised"):
        monkeypatch.setattr(interrupts._State, name, getattr(interrupts._State, name))


def test_an_interrupt_right_after_the_commit_leaves_the_artifact(
    experiments: Sequence[Point], resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, store = Path.replace, resolver.store

    def replace(path: Path, target: Path) -> Path:
        moved = real(path, target)
        if Path(target).parent.name == "train":
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    monkeypatch.undo()
    made = ["dataset", "draft", "inspect", "train"]
    assert [entry.manifest.stage for entry in store.entries()] == made
    assert all(entry.damage() == [] for entry in store.entries())
    assert list((store.root / "tmp").iterdir()) == []
    again = execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    assert (again.exit_code, again.count("kept")) == (Exit.OK, 4)


@pytest.mark.parametrize("cleaning", ["run", "workspace"])
def test_a_clean_up_does_not_follow_a_folder_into_the_store(
    store: Store, monkeypatch: pytest.MonkeyPatch, cleaning: str
) -> None:
    """Deletion opens folders first; a commit may move one of them before it goes on."""
    with store.session():
        workspace = store.workspace("train", KEY)
        (workspace.files / "weights.bin").write_text("weights")
        described = manifest(workspace.files)
        real = shutil.rmtree
        committed: list[Entry | str] = []

        def rmtree(path: Path, *arguments: object, **others: object) -> None:
            opened = {
                entry: os.open(entry.parent, os.O_RDONLY)
                for entry in Path(path).rglob("*")
                if entry.is_file()
            }
            if opened and not committed:
                committed.append("under way")
                try:
                    committed.append(store.commit(workspace, described))
                except StoreError as error:
                    committed.append(error.what)
            for entry, folder in opened.items():
                try:
                    os.unlink(entry.name, dir_fd=folder)
                except FileNotFoundError:
                    pass
                finally:
                    os.close(folder)
            if Path(path).exists():
                real(path)

        monkeypatch.setattr(store_module.shutil, "rmtree", rmtree)
        if cleaning == "workspace":
            store.discard(workspace)
    assert len(committed) == 2, "nothing was committed during the clean-up"
    assert all(entry.damage() == [] for entry in store.entries())


def test_a_workspace_that_became_an_artifact_is_not_discarded(store: Store) -> None:
    with store.session():
        workspace = store.workspace("train", KEY)
        entry = store.commit(workspace, manifest(workspace.files))
        store.discard(workspace)
    assert list(store.entries()) == [entry]


def test_signals_raise_but_in_a_clean_up_and_the_first_decides_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now)
    interrupts.ready()
    with pytest.raises(KeyboardInterrupt):
        interrupts._handle(signal.SIGTERM, None)
    now += interrupts.GRACE_SECONDS / 2
    interrupts._handle(signal.SIGINT, None)  # the first is on its way
    now += interrupts.GRACE_SECONDS
    with interrupts.shield():
        interrupts._handle(signal.SIGINT, None)
        with interrupts.shield():
            interrupts._handle(signal.SIGINT, None)
        interrupts._handle(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        interrupts._handle(signal.SIGINT, None)
    assert interrupts.exit_code() == Exit.TERMINATED == 128 + signal.SIGTERM


def test_an_interrupt_that_breaks_a_lock_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own `wait` does not survive a signal just before it acquires its lock again."""
    condition = threading.Condition()

    def interrupted(_: object) -> None:
        interrupts._handle(signal.SIGTERM, None)

    def wait(**_: object) -> None:
        with condition:
            condition.wait(0)

    monkeypatch.setattr(condition, "_acquire_restore", interrupted)
    monkeypatch.setattr(cli, "invoke", lambda context: wait())
    with pytest.raises(RuntimeError) as lost:
        interrupts.ready()
        wait()
    monkeypatch.setattr(interrupts._State, "raised", None)
    assert interrupts.caused(lost.value)
    assert not interrupts.caused(RuntimeError("another"))
    assert main(["doctor"]) == Exit.TERMINATED
    shown = capsys.readouterr().err
    assert interrupts.MESSAGE in shown
    assert "Traceback" not in shown


def test_an_interrupt_that_a_library_swallows_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rust's pydantic raises an error of its own, whose context does not name the interrupt."""

    def build_a_validator(_: object) -> None:
        with suppress(KeyboardInterrupt):
            interrupts._handle(signal.SIGHUP, None)
        raise SchemaError('Error building "literal" validator: KeyboardInterrupt: ')

    monkeypatch.setattr(cli, "invoke", build_a_validator)
    assert main(["doctor"]) == Exit.HANGUP
    assert capsys.readouterr().err == f"{interrupts.MESSAGE}\n"


def test_an_error_without_an_interrupt_is_a_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build_a_validator(_: object) -> None:
        raise SchemaError('Error building "literal" validator')

    monkeypatch.setattr(cli, "invoke", build_a_validator)
    assert main(["doctor"]) == Exit.BUG
    assert "SchemaError" in capsys.readouterr().err


def test_a_second_interrupt_does_not_stop_the_clean_up(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    interrupts.ready()
    slow, interrupted = threading.Event(), threading.Event()

    def before(job: object) -> None:
        slow.set()
        interrupted.wait(5)

    def emit(event: Event) -> None:
        if isinstance(event, Finished) and event.stage == "export":
            raise KeyboardInterrupt

    runner.before = before
    discard = resolver.store._discard

    def discard_interrupted(folder: Path) -> None:
        interrupts._handle(signal.SIGINT, None)
        discard(folder)

    resolver.store._discard = discard_interrupted  # type: ignore[method-assign]
    interrupted.set()
    with pytest.raises(KeyboardInterrupt):
        execute(plan(experiments), resolver, 2, 1, emit)
    assert slow.is_set()
    assert list((resolver.store.root / "tmp").iterdir()) == []
    assert list((resolver.store.root / "locks").glob("run-*")) == []
    assert all(entry.damage() == [] for entry in resolver.store.entries())


def test_output_that_is_lost_stops_a_run_and_is_no_failure_of_a_stage(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    def emit(event: Event) -> None:
        if getattr(event, "stage", "") == "train":
            raise OutputLost(BrokenPipeError(32, "Broken pipe"))

    with pytest.raises(OutputLost):
        execute(plan(experiments), resolver, 2, 1, emit)
    assert list((resolver.store.root / "failed").iterdir()) == []
    assert list((resolver.store.root / "tmp").iterdir()) == []
