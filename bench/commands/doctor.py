"""`bench doctor`: what this machine has, what is missing, and what that costs."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from bench.console.checks import show_check
from bench.console.terminal import output, say
from bench.images.base import find_base, local_recipe
from bench.images.cleanup import dead_containers, outdated_images, remove, unused_networks
from bench.images.engine import engine
from bench.images.recipe import RECIPES
from bench.session import options
from bench.session.diagnosis import examine

COLOURS = {"ok": "green", "missing": "yellow", "warning": "red"}


@click.command("doctor")
@click.option(
    "--clean",
    is_flag=True,
    help="Remove containers that killed runs left, and images of earlier recipes; only bench's, "
    "and not those in use.",
)
@options.dry_run_option
@options.store_option
def command(clean: bool, dry_run: bool, store_path: Path) -> None:
    """Say what this machine has, what is missing, and what that costs.

    Changes nothing without --clean.

    \b
    Examples:
      bench doctor
      bench doctor --clean --dry-run
    """
    if clean:
        _clean(dry_run)
        return
    console = output(160)
    for finding in examine(store_path):
        state = Text(finding.status, COLOURS[finding.status])
        more = {"what it costs": finding.costs, "what to do": finding.remedy}
        show_check(console, finding.name, state, finding.found, more)


def _clean(dry_run: bool) -> None:
    base = find_base()
    current = {local_recipe()}
    if base is not None:
        current |= {recipe.image_hash(base) for recipe in RECIPES.values()}
    with engine(timeout=60) as client:
        leftovers = [
            *dead_containers(client),
            *unused_networks(client),
            *outdated_images(client, current),
        ]
        for left in leftovers:
            if dry_run:
                say(f"would remove {left.what}, unless it is in use")
                continue
            verb = "removed" if remove(client, left) else "in use, so it stays:"
            say(f"{verb} {left.what}")
    if not leftovers:
        say("There is nothing to remove.")
