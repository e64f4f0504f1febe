"""The commands that make a row exactly again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.pipeline import Step
from bench.provenance.chain import checkout_of

FRESH_STORE = "rerun"


def rerun(
    name: str, grid_file: Path, steps: Sequence[Step], options: Sequence[str] = ()
) -> tuple[str, ...]:
    """Shell commands, to be given in a checkout of the project.

    Into a store of its own, since in the present one there is nothing to do. The commit is checked
    out first where it is known and one; where the tree was changed, no command can bring that back.

    Args:
        name: The row.
        grid_file: Its experiment file.
        steps: Its chain.
        options: Options of the command line that change the grid, such as `--images 10000`.
    """
    commands = []
    checkouts = [checkout_of(step.manifest) for step in steps if step.manifest]
    commits = {one["commit"] for one in checkouts}
    if len(commits) == 1 and all(one["tree"] == "clean" for one in checkouts):
        commands.append(f"git checkout {commits.pop()}")
    runners = {
        step.manifest.environment["runner"] for step in steps if step.manifest
    } - {"host"}  # fmt: skip
    runner = ("--runner", runners.pop()) if len(runners) == 1 else ()
    words = ("bench", "run", str(grid_file), "--row", name, *options, *runner)
    commands.append(shlex.join((*words, "--store", FRESH_STORE)))
    return tuple(commands)


def caveats(steps: Sequence[Step]) -> tuple[str, ...]:
    """What keeps these commands from making exactly the same, if anything does."""
    found: dict[str, None] = {}
    commits: Mapping[str, None] = {}
    for step in steps:
        if step.manifest is None:
            continue
        checkout = checkout_of(step.manifest)
        commits = {**commits, checkout["commit"]: None}
        if checkout["tree"] == "changed":
            found[f"files differed from the commit: {checkout['changes']}"] = None
        elif checkout["tree"] == "unknown":
            found[f"the commit is not known: {checkout['reason']}"] = None
    if len(commits) > 1:
        found[f"its stages were made at {len(commits)} commits; sources that decide a result "
              "are in its key, and are those of this checkout"] = None  # fmt: skip
    return tuple(found)
