"""Options that several commands share and that need nothing else of bench."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from bench.paths import default_store
from bench.session.kinds import PathKind

RUNNERS = ("auto", "docker", "venv")
Command = TypeVar("Command", bound=Callable[..., None])


def store_option(command: Command) -> Command:
    """Adds `--store`."""
    return click.option(
        "--store",
        "store_path",
        type=PathKind(),
        default=default_store,
        show_default="artifacts/, or $BENCH_STORE",
        help="Folder that keeps every artifact.",
    )(command)


def runner_option(command: Command) -> Command:
    """Adds `--runner`."""
    return click.option(
        "--runner",
        type=click.Choice(RUNNERS),
        default="auto",
        show_default=True,
        help="Where the stages run: containers, or isolated virtual environments.",
    )(command)


def dry_run_option(command: Command) -> Command:
    """Adds `--dry-run`."""
    return click.option(
        "--dry-run", is_flag=True, help="Only say what would be done; nothing is changed."
    )(command)
