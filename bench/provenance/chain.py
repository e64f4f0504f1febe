"""How an artifact was made, from its manifest; and the commands that reproduce a row."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.pipeline import Step
from bench.store import Manifest

FRESH_STORE = "rerun"


def as_json(step: Step) -> dict[str, Any]:
    """Everything known of a step, as JSON values."""
    made = step.manifest
    manifest = {} if made is None else {
        "key": made.key,
        "content": made.content_hash,
        "inputs": dict(made.inputs),
        "artifacts": [vars(artifact) for artifact in made.artifacts],
        "environment": dict(made.environment),
        "tools": dict(made.tools),
        "checkout": checkout_of(made),
        "host": dict(made.host),
        "created": made.created,
        "seconds": made.seconds,
        "timings": dict(made.timings),
        "peak_memory_bytes": made.peak_memory_bytes,
    }  # fmt: skip
    return {
        "stage": step.stage,
        "summary": step.task.stage.summary,
        "status": step.status,
        "reason": step.reason,
        "spec": dict(step.spec),
        "needs": list(step.needs),
        "folder": None if step.folder is None else str(step.folder),
        "log": None if step.log is None else str(step.log),
        **manifest,
        "metrics": dict(step.metrics),
    }


def checkout_of(manifest: Manifest) -> dict[str, str]:
    """The commit and the state of the tree."""
    unknown = {"commit": "unknown", "tree": "unknown", "reason": "not recorded"}
    return dict(manifest.checkout) or unknown


def rerun(
    name: str, grid_file: Path, steps: Sequence[Step], options: Sequence[str] = ()
) -> tuple[str, ...]:
    """Shell commands for a checkout of the project.

    They use a store of their own, as the present one has everything already. They check out the
    commit first, if all steps were made at the same one with a clean tree.

    Args:
        name: The row.
        grid_file: Its experiment file.
        steps: Its chain.
        options: Options of the command line that change the grid, such as `--images 10000`.
    """
    commands = []
    checkouts = [checkout_of(step.manifest) for step in steps if step.manifest]
    commits = {checkout["commit"] for checkout in checkouts}
    if len(commits) == 1 and all(checkout["tree"] == "clean" for checkout in checkouts):
        commands.append(f"git checkout {commits.pop()}")
    runners = {s.manifest.environment["runner"] for s in steps if s.manifest} - {"host"}
    runner = ("--runner", runners.pop()) if len(runners) == 1 else ()
    words = ("bench", "run", str(grid_file), "--row", name, *options, *runner)
    commands.append(shlex.join((*words, "--store", FRESH_STORE)))
    return tuple(commands)


def caveats(steps: Sequence[Step]) -> tuple[str, ...]:
    """Why these commands may not reproduce the row exactly."""
    reasons = []
    checkouts = [checkout_of(step.manifest) for step in steps if step.manifest]
    for checkout in checkouts:
        if checkout["tree"] == "changed":
            reasons.append(f"files differed from the commit: {checkout['changes']}")
        elif checkout["tree"] == "unknown":
            reasons.append(f"the commit is not known: {checkout['reason']}")
    if (commits := len({checkout["commit"] for checkout in checkouts})) > 1:
        reasons.append(
            f"its stages were made at {commits} commits; the sources that decide a result are part "
            "of its key, and are those of this checkout"
        )
    return tuple(dict.fromkeys(reasons))
