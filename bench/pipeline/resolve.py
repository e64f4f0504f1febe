"""The keys of artifacts, from their inputs, the runners' recipes and the stages' sources."""

from __future__ import annotations

import ast
import hashlib
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bench.environments import ENVIRONMENTS
from bench.extensions import folders
from bench.paths import ROOT
from bench.pipeline.plan import Task
from bench.runners import Runner
from bench.store import Entry, Store
from bench.store.keys import artifact_key, canonical, hash_sources
from contract.stage import Stage

# In Python 3.11 and 3.12 threads that parse at once share a counter, and fail with SystemError.
_PARSING = threading.Lock()
# Imports stand in these only; passing over expressions makes the search several times faster.
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


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


@cache
def source_files(stage: Stage) -> tuple[Path, ...]:
    """The files and folders whose content can change the result of `stage`.

    For a worker or an extension, these are the modules that the stage imports, also inside of
    functions. Other stages of the host name their sources.
    """
    named = (ROOT / name for name in stage.sources)
    module, _, _ = stage.entry.partition(":")
    environment = ENVIRONMENTS.get(stage.environment)
    if environment is None:
        return (*named, *sorted(_modules((module,), tuple(folders()))))
    own = (*environment.worker_folders, *folders())
    return (*named, *sorted(_modules((module, "stagekit.__main__"), own)))


def _modules(entries: tuple[str, ...], places: tuple[Path, ...]) -> set[Path]:
    """The files in `places` of `entries` and of all that these import, directly or not."""
    files: set[Path] = set()
    waiting = list(entries)
    while waiting:
        for path in _files(waiting.pop(), places):
            if path not in files:
                files.add(path)
                waiting += _imports(path)
    return files


@cache
def _files(module: str, places: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files of `module` and the packages around it; none for another project's module."""
    *_, last = parts = module.split(".")
    files: list[Path] = []
    for folder in places:
        for count in range(1, len(parts) + 1):
            package = folder.joinpath(*parts[:count])
            if (package / "__init__.py").is_file():
                files.append(package / "__init__.py")
        path = folder.joinpath(*parts[:-1], f"{last}.py")
        if path.is_file():
            files.append(path)
    return tuple(files)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """The modules that `path` imports; of `from a import b`, both `a` and `a.b`."""
    names: list[str] = []
    with _PARSING:
        tree = ast.parse(path.read_bytes())
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += (inner for inner in ast.iter_child_nodes(node) if isinstance(inner, _STATEMENTS))
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)
