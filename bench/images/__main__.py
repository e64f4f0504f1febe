"""Commands for images: `python -m bench.images base|build|context|pin`."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from bench.console.progress import PlainView
from bench.console.terminal import Terminal, say
from bench.console.text import counted
from bench.errors import BenchError
from bench.images import pins
from bench.images.base import Base, ensure_base, find_base, forget_local, images_folder
from bench.images.build import ensure_image, is_built
from bench.images.recipe import RECIPES
from bench.images.wheelhouse import wheels
from bench.paths import default_store

_VIEW = PlainView(Terminal())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Build the images beforehand; bench builds them when a stage needs them."""


def _plan_base(kept: Base | None) -> None:
    plan = "would make the base: pulled by digest where a registry answers, else built here"
    say(f"there already: {kept.reference}" if kept else plan)


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only say what would be done; nothing is changed."
)


@cli.command()
@click.option("--again", is_flag=True, help="Build it again even if there is one.")
@dry_run_option
def base(again: bool, dry_run: bool) -> None:
    """Make sure that there is a base, pulled or built here."""
    folder = images_folder(default_store())
    if dry_run:
        _plan_base(None if again else find_base())
        return
    if again:
        forget_local(folder, threading.Event())
    made = ensure_base(folder, say, threading.Event())
    say(f"{made.reference} ({made.origin}, {made.identity})")


@cli.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(RECIPES)))
@dry_run_option
def build(names: Sequence[str], dry_run: bool) -> None:
    """Build the images NAMES (default: all that are missing)."""
    folder = images_folder(default_store())
    if dry_run:
        kept = find_base()
        _plan_base(kept)
        for name in names or RECIPES:
            there = kept is not None and is_built(RECIPES[name], kept)
            say(f"{'there already' if there else 'would build'}: the {name} image")
        return
    cancelled = threading.Event()
    made = ensure_base(folder, say, cancelled)
    for name in names or RECIPES:
        image = ensure_image(RECIPES[name], made, folder, _VIEW.show, cancelled)
        say(f"{image.tag} {image.id}")


@cli.command()
@click.argument("name", type=click.Choice(sorted(RECIPES)))
@click.argument("folder", type=click.Path(path_type=Path))
@dry_run_option
def context(name: str, folder: Path, dry_run: bool) -> None:
    """Write the build context of image NAME to FOLDER, for a builder of your choice."""
    recipe = RECIPES[name]
    items = recipe.files()
    if dry_run:
        for item in items:
            say(f"would write: {folder / item.name}")
        if recipe.environment is not None:
            say("would fetch its wheels, as the locks name them, and write those too")
        return
    if recipe.environment is not None:
        cache = default_store() / "cache" / "wheels"
        items += wheels(recipe.environment, cache, f"{name} image", _VIEW.show, threading.Event())
    for item in items:
        target = folder / item.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(item.path, target)
    say(
        f"{counted(len(items), 'file')} in {folder}; the Dockerfile is {folder / recipe.dockerfile}"
    )


@cli.command()
@dry_run_option
def pin(dry_run: bool) -> None:
    """Ask the registry for the digest of the published base, and write it into the pins."""
    if dry_run:
        say(f"would write {pins.ask()} to {pins.PINS}, which has {pins.load().digest!r}")
        return
    say(pins.refresh())


if __name__ == "__main__":
    try:
        cli()
    except BenchError as error:
        say(f"error: {error.what}\nwhat to do: {error.remedy}", to_stderr=True)
        if error.log:
            say(f"log: {error.log}", to_stderr=True)
        sys.exit(int(error.exit_code))
