"""A user's files that extend bench, and the registers that they extend.

The environment variable BENCH_EXTENSIONS names folders. Every Python file directly in them is
imported once, when a register is first read; it declares what it adds (`NETWORK = Network(...)`) or
calls a register's `add`. The folders are appended to Python's path, so that such a file can import
its neighbours, as a stage's worker does.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar

from bench.console.text import excerpt
from bench.errors import ConfigError

VARIABLE = "BENCH_EXTENSIONS"
_REMEDY = f"Correct the file, or take its folder out of {VARIABLE}."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")

_complete: dict[Path, ModuleType] = {}
_in_progress: list[Path] = []
"""Files being imported, more than once those that read a register themselves."""


class Named(Protocol):
    """An item of a register; its unique name is in names of files and rows."""

    @property
    def name(self) -> str: ...


Item = TypeVar("Item", bound=Named)


class Register(Mapping[str, Item], Generic[Item]):
    """Everything of a kind, by name: what bench has, what extensions declare, what is added.

    Args:
        kind: Of the items.
        attribute: Name by which a module declares an item.
        package: The package with a module for each item of bench's own.
    """

    def __init__(self, kind: type[Item], attribute: str, package: ModuleType) -> None:
        self._kind = kind
        self._attribute = attribute
        self._package = package
        self._added: list[tuple[Path | None, Item]] = []
        self._read: tuple[object, dict[str, Item]] | None = None

    def add(self, item: Item) -> None:
        """Register `item`, on its own or as part of the extension that is being imported."""
        self._added.append((_in_progress[-1] if _in_progress else None, item))
        self._read = None

    def __getitem__(self, name: str) -> Item:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Item]:
        extensions = modules()
        if self._read is not None and self._read[0] == extensions:
            return self._read[1]
        items: dict[str, Item] = {}
        for path, item in self._declared(extensions):
            if item.name in items:
                what = self._kind.__name__.lower()
                raise ConfigError(
                    f"There is a second {what} '{item.name}' in {path}.", "Rename one of them."
                )
            items[item.name] = item
        if not _in_progress:
            self._read = extensions, items
        return items

    def _declared(self, extensions: tuple[ModuleType, ...]) -> Iterator[tuple[Path | None, Item]]:
        """Every item, with the file it is from."""
        for module in (*self._own_modules(), *extensions):
            if (item := getattr(module, self._attribute, None)) is not None:
                yield Path(str(module.__file__)), self._checked(module, item)
        paths = {None, *_in_progress, *(Path(str(module.__file__)) for module in extensions)}
        yield from ((path, item) for path, item in self._added if path in paths)

    def _own_modules(self) -> Iterator[ModuleType]:
        for module in pkgutil.iter_modules(self._package.__path__):
            yield importlib.import_module(f"{self._package.__name__}.{module.name}")

    def _checked(self, module: ModuleType, item: Any) -> Item:
        """`item`; raises `ConfigError` if it is of another kind or has no proper name."""
        if isinstance(item, self._kind) and _NAME.fullmatch(item.name):
            return item
        name = f" with the name {item.name!r}" if isinstance(item, self._kind) else ""
        path = Path(str(module.__file__))
        lines = path.read_text(encoding="utf-8").splitlines()
        line = next((n for n, text in enumerate(lines, 1) if text.startswith(self._attribute)), 1)
        raise ConfigError(
            f"{path}, line {line}: {self._attribute} is {excerpt(type(item).__name__, 60)}{name}.",
            f"Declare a {self._kind.__name__} there, with a name of letters, digits, '.', '_', "
            "'+' and '-'.",
        )


def folders() -> tuple[Path, ...]:
    """The folders that BENCH_EXTENSIONS names."""
    named = os.environ.get(VARIABLE, "")
    return tuple(Path(name).expanduser().absolute() for name in named.split(os.pathsep) if name)


def modules() -> tuple[ModuleType, ...]:
    """The modules in the folders of extensions, each imported once.

    Raises:
        ConfigError: A folder is missing, or a file cannot be imported.
    """
    for folder in folders():
        if not folder.is_dir():
            raise ConfigError(
                f"{VARIABLE} names {folder}, which is no folder.", f"Correct or unset {VARIABLE}."
            )
    return tuple(_imported(path) for folder in folders() for path in sorted(folder.glob("*.py")))


def _imported(path: Path) -> ModuleType:
    if path in _complete:
        return _complete[path]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec(path.stem)
        if spec is None or spec.origin != str(path):
            raise ConfigError(f"{path}: Python has a module '{path.stem}'.", "Rename the file.")
        _in_progress.append(path)
        module = importlib.import_module(path.stem)
    except (Exception, SystemExit) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(_failure(path, error), _REMEDY) from error
    finally:
        if path in _in_progress:
            _in_progress.remove(path)
    if path not in _in_progress:
        _complete[path] = module
    return module


def _failure(path: Path, error: BaseException) -> str:
    """Where in `path` it went wrong, and how."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
    what = f"{type(error).__name__}: {excerpt(str(error), 300)}"
    return f"{path}, line {line or 1}: {what.rstrip('.')}."
