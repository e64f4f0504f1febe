"""Modules that the tests import and that no test chosen here uses.

They bring torch, a solver and other packages that the finn environment leaves out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NoReturn

MODULES = (
    "finn.builder.build_dataflow_config",
    "finn.transformation.fpgadataflow.simulation_build",
    "finn.transformation.fpgadataflow.simulation_connected",
    "tests.testing_util.test",
)


class _Name:
    """Something imported from an absent module: named in signatures and tables, never used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> _Name:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(f"{self._name}.{name}")

    def __or__(self, other: object) -> object:
        return object

    __ror__ = __or__

    def __call__(self, *arguments: object, **named: object) -> NoReturn:
        raise RuntimeError(f"{self._name} is used, but left out: see tests/peer/absent.py")


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MODULES else None

    def exec_module(self, module: ModuleType) -> None:
        name = _Name(module.__name__)
        vars(module)["__getattr__"] = lambda attribute: getattr(name, attribute)


def install() -> None:
    """Let them be imported in name only."""
    sys.meta_path.insert(0, _Finder())
