"""Making FINN+ usable without Vivado and without its own command line."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from finn.util.settings import get_settings, initialize_dummy_settings

from finn_worker import datatypes, packing
from stagekit import StageError


def prepare(build_dir: Path) -> None:
    """Set FINN+ up to generate code below `build_dir`; call it before any step.

    Args:
        build_dir: Folder for generated code, created if missing.
    """
    build_dir.mkdir(parents=True, exist_ok=True)
    os.environ["FINN_BUILD_DIR"] = str(build_dir)
    # A settings file of the user's own FINN+ must not leak into a result: name one that is not
    # there, so that FINN+ neither reads nor creates ~/.finn.
    os.environ["FINN_SETTINGS"] = str(build_dir / "no-settings.yaml")

    packing.install()
    datatypes.install()
    initialize_dummy_settings()
    get_settings().finn_build_dir = build_dir
    # It warns about every datatype that it minimises; the findings are checked by value instead.
    logging.getLogger("finn_logger").setLevel(logging.ERROR)


class _Absent(ModuleType):
    """Stands for a module that is not installed, until somebody uses it."""

    def __init__(self, name: str, **submodules: ModuleType) -> None:
        super().__init__(name)
        vars(self).update(submodules)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise StageError(
            f"A LayerNorm needs {self.__name__}, which the finn environment leaves out.",
            "Use a network without LayerNorm; torch is several GB for this one layer.",
        )


def import_layers() -> None:
    """Import FINN+'s layers without torch; call it before importing anything else of FINN+.

    One layer, LayerNorm, imports torch, and only to be executed in Python.
    """
    if importlib.util.find_spec("torch") is None:
        functional = _Absent("torch.nn.functional")
        nn = _Absent("torch.nn", functional=functional)
        absent = {m.__name__: m for m in (_Absent("torch", nn=nn), nn, functional)}
    else:
        absent = {}
    sys.modules.update(absent)
    try:
        importlib.import_module("finn.custom_op.fpgadataflow.layernorm")
    finally:
        for name in absent:  # others look here to learn whether torch is in use
            del sys.modules[name]
