"""What of a plan is in the store already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from bench.paths import ROOT
from bench.pipeline.plan import Task
from bench.pipeline.sources import source_files
from bench.runners import Runner
from bench.store import DamageError, Entry, Store
from bench.store.keys import SHORT, artifact_key, canonical, hash_sources
from bench.words import Status


class Resolver:
    """Computes keys and looks them up.

    Args:
        store: The store.
        runners: The runner of each environment.
    """

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
        known = (stage.environment, stage.name)
        if known not in self._environments:
            recipe = self.runners[stage.environment].recipe(stage.environment)
            parts = [recipe, hash_sources(ROOT, source_files(stage))]
            self._environments[known] = hashlib.sha256(canonical(parts)).hexdigest()
        return self._environments[known]

    def present(
        self,
        tasks: Iterable[Task],
        known: Mapping[str, Entry] | None = None,
        *,
        strict: bool = False,
        verify: bool = False,
    ) -> dict[str, Entry]:
        """The artifacts that are there, by task id; `verify` compares metrics with their hash.

        Other files are not looked at. A task whose inputs are not all there cannot have a key yet
        and counts as absent, and so does one that is found to be damaged, as a run makes it again;
        unless `strict`, for whoever reports what is there. `known` are found already, and not
        looked up.

        Raises:
            DamageError: An artifact is damaged, and `strict`.
            StoreError: Something cannot be read.
        """
        known = known or {}
        found: dict[str, Entry] = {}
        names: dict[str, Mapping[str, str]] = {}  # each folder is listed once
        for task in tasks:
            if task.id in known:
                found[task.id] = known[task.id]
                continue
            inputs = {name: found[need] for name, need in task.needs.items() if need in found}
            if len(inputs) < len(task.needs) or self.lacks(task):
                continue
            stage, key = task.stage.name, self.key(task, inputs)
            if stage not in names:
                names[stage] = self.store.names(stage)
            if key[:SHORT] not in names[stage]:
                continue
            try:
                entry = self.store.find(stage, key, names[stage][key[:SHORT]])
                if verify and entry is not None:
                    entry.metrics()
            except DamageError:
                if strict:
                    raise
                continue
            if entry is not None:
                found[task.id] = entry
        return found

    def blocked(self, tasks: Iterable[Task], present: Mapping[str, Entry]) -> dict[str, str]:
        """Why tasks cannot run, by id: the machine lacks something, or a need came to nothing.

        Args:
            tasks: Each after those that it needs.
            present: What `present` found for them.
        """
        blocked: dict[str, str] = {}
        for task in tasks:
            if lack := self.lacks(task):
                blocked[task.id] = lack
                continue
            for need in task.needs.values():
                if need in blocked:
                    blocked[task.id] = blocked[need]
                elif need in present and present[need].manifest.status != Status.DONE:
                    blocked[task.id] = present[need].manifest.reason
        return blocked
