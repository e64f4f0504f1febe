"""The keys of what tasks make, from their inputs and from the runners' recipes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bench.paths import ROOT
from bench.pipeline.plan import Task
from bench.pipeline.sources import source_files
from bench.runners import Runner
from bench.store import Entry, Store
from bench.store.keys import artifact_key, canonical, hash_sources


class Resolver:
    """Computes keys from the store's artifacts and from the runner of each environment."""

    def __init__(self, store: Store, runners: Mapping[str, Runner]) -> None:
        self.store = store
        self.runners = runners
        self._environments: dict[tuple[str, str], str] = {}

    def key(self, task: Task, inputs: Mapping[str, Entry]) -> str:
        """The key of the artifact that `task` makes from `inputs`."""
        contents = {name: entry.manifest.content_hash for name, entry in inputs.items()}
        return artifact_key(task.stage.name, task.spec, contents, self.environment_hash(task))

    def lacks(self, task: Task) -> str:
        """Why this machine skips `task`; empty where it can run."""
        return self.runners[task.stage.environment].lacks(task.stage.environment)

    def environment_hash(self, task: Task) -> str:
        """Hash of the recipe of the task's environment and of its stage's sources."""
        stage = task.stage
        recipe_of = (stage.environment, stage.name)
        if recipe_of not in self._environments:
            recipe = self.runners[stage.environment].recipe(stage.environment)
            parts = [recipe, hash_sources(ROOT, source_files(stage))]
            self._environments[recipe_of] = hashlib.sha256(canonical(parts)).hexdigest()
        return self._environments[recipe_of]
