"""Images by hand: `python -m bench.images base|build|context|pin`."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import click

from bench.errors import BenchError
from bench.events import Event, Finished, Note, Progress, Started
from bench.images import pins
from bench.images.base import ensure_base, forget_local, images_folder
from bench.images.build import ensure_image
from bench.images.engine import engine
from bench.images.recipe import RECIPES
from bench.images.wheelhouse import wheels
from bench.paths import default_store


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Build the images by hand; bench does it by itself when a stage needs one."""


@cli.command()
@click.option("--again", is_flag=True, help="Build it anew even if there is one.")
def base(again: bool) -> None:
    """Make sure that there is a base, pulled or built here."""
    folder = images_folder(default_store())
    if again:
        for path in folder.glob("base-*.tar"):
            path.unlink()
        with engine() as client:
            forget_local(client)
    found = ensure_base(folder, click.echo, threading.Event())
    click.echo(f"{found.reference} ({found.origin}, {found.identity})")


@cli.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(RECIPES)))
def build(names: Sequence[str]) -> None:
    """Build the images NAMES (default: all that are missing)."""
    folder = images_folder(default_store())
    cancelled = threading.Event()
    found = ensure_base(folder, click.echo, cancelled)
    for name in names or RECIPES:
        image = ensure_image(RECIPES[name], found, folder, _show, cancelled)
        click.echo(f"{image.tag} {image.id}")


@cli.command()
@click.argument("name", type=click.Choice(sorted(RECIPES)))
@click.argument("folder", type=click.Path(path_type=Path))
def context(name: str, folder: Path) -> None:
    """Write the build context of image NAME to FOLDER, for a builder of your choice."""
    recipe = RECIPES[name]
    items = recipe.files()
    if recipe.environment is not None:
        cache = default_store() / "cache" / "wheels"
        items += wheels(recipe.environment, cache, f"{name} image", _show, threading.Event())
    for item in items:
        target = folder / item.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(item.path, target)
    click.echo(f"{len(items)} files in {folder}; the Dockerfile is {folder / recipe.dockerfile}")


@cli.command()
def pin() -> None:
    """Ask the registry for the digest of the published base, and write it into the pins."""
    click.echo(pins.refresh())


def _show(event: Event) -> None:
    match event:
        case Started():
            click.echo(f"{event.task}: started")
        case Progress():
            click.echo(f"{event.task}: {event.done}/{event.total} {event.unit}s {event.text}")
        case Note():
            click.echo(f"{event.task}: {event.text}")
        case Finished():
            click.echo(f"{event.task}: {event.status}, {event.seconds:.1f} s")


if __name__ == "__main__":
    try:
        cli()
    except BenchError as error:
        click.echo(f"error: {error.what}\nwhat to do: {error.remedy}", err=True)
        if error.log:
            click.echo(f"log: {error.log}", err=True)
        sys.exit(int(error.exit_code))
