"""The commit of this checkout, and whether its files are unchanged since."""

from __future__ import annotations

import os
import subprocess
import time
from functools import lru_cache
from pathlib import Path

from bench.paths import ROOT

NAMED = 5
GIT_SECONDS = 20.0
# Files may change during a long run.
FRESH_SECONDS = 5.0


def describe_checkout(root: Path = ROOT) -> dict[str, str]:
    """The commit and the state of the tree; git is called every few seconds at most.

    Returns:
        `commit`: the full hash, or `unknown`. `tree`: `clean`, `changed` or `unknown`. If changed,
        `changes` names the first few files, untracked files included; if unknown, `reason` says
        why.
    """
    return _describe(root, int(time.monotonic() / FRESH_SECONDS))


@lru_cache(maxsize=1)
def _describe(root: Path, _period: int) -> dict[str, str]:
    try:
        # A copy unpacked inside another repository is no checkout of this project.
        top = _git(root, "rev-parse", "--show-toplevel").strip()
        if Path(top) != root.resolve():
            raise LookupError("not a git checkout")
        commit = _git(root, "rev-parse", "--verify", "HEAD").strip()
        status = _git(root, "status", "--porcelain", "--untracked-files=all")
    except LookupError as unknown:
        return {"commit": "unknown", "tree": "unknown", "reason": str(unknown)}
    changed = [line[3:] for line in status.splitlines()]
    if not changed:
        return {"commit": commit, "tree": "clean"}
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return {"commit": commit, "tree": "changed", "changes": ", ".join(changed[:NAMED]) + more}


def _git(root: Path, *arguments: str) -> str:
    """What git prints; raises `LookupError` with the reason if it fails."""
    # GIT_DIR and the like, set by hooks, would name another repository.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ("git", "--no-optional-locks", "-C", root, *arguments),
            env=variables | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_SECONDS,
            check=False,
        )
    except OSError as error:
        raise LookupError(f"git cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise LookupError(f"git took more than {GIT_SECONDS:.0f} s") from error
    if done.returncode:
        reason = (done.stderr.strip() or f"git ended with {done.returncode}").splitlines()[0]
        missing = "not a git repository" in reason
        raise LookupError("not a git checkout" if missing else reason)
    return done.stdout
