"""The sources that decide what a stage does: the modules that it imports, and what it names."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from bench.environments import ENVIRONMENTS
from bench.extensions import folders
from bench.paths import ROOT
from contract.stage import Stage

# In Python 3.11 and 3.12 threads that parse at once share a counter, and fail with SystemError.
_PARSING = threading.Lock()


@cache
def source_files(stage: Stage) -> tuple[Path, ...]:
    """Files and folders; a change of any of them makes another result possible.

    Of a worker, and of an extension, these are the modules that the stage imports, also inside of
    functions, and not those of other stages. Other stages of the host name their sources.
    """
    named = (ROOT / name for name in stage.sources)
    module, _, _ = stage.entry.partition(":")
    environment = ENVIRONMENTS.get(stage.environment)
    if environment is None:
        return (*named, *sorted(_modules([module], folders())))
    own = (*environment.worker_folders, *folders())
    return (*named, *sorted(_modules([module, "stagekit.__main__"], own)))


def _modules(entries: Sequence[str], places: Sequence[Path]) -> set[Path]:
    """The files in `places` of `entries` and of all that these import, directly or not."""
    files: set[Path] = set()
    waiting = list(entries)
    while waiting:
        for path in _files(waiting.pop(), places):
            if path not in files:
                files.add(path)
                waiting += _imports(path)
    return files


def _files(module: str, places: Sequence[Path]) -> Iterator[Path]:
    """Those of `module` and the packages around it; none where another project has it."""
    *_, last = parts = module.split(".")
    for folder in places:
        for count in range(1, len(parts) + 1):
            package = folder.joinpath(*parts[:count])
            if (package / "__init__.py").is_file():
                yield package / "__init__.py"
        path = folder.joinpath(*parts[:-1], f"{last}.py")
        if path.is_file():
            yield path


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """The modules that `path` imports; of `from a import b`, both `a` and `a.b`."""
    names: list[str] = []
    with _PARSING:
        tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)
