"""What a manifest tells of how an artifact was made, for people and as JSON."""

from __future__ import annotations

from typing import Any

from bench.pipeline import Step
from bench.store import Manifest


def as_json(step: Step) -> dict[str, Any]:
    """Everything that is known of a step, as JSON values."""
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
    """The commit and the state of the tree; manifests of before it was noted say so."""
    if manifest.checkout:
        return dict(manifest.checkout)
    return {"commit": "unknown", "tree": "unknown", "reason": "made before it was noted"}
