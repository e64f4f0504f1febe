"""Makes the worker, and what all workers share, importable from a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FINN_FOLDER = Path(__file__).resolve().parents[1]
COMMON_FOLDER = FINN_FOLDER.parent / "common"
sys.path[:0] = [str(Path(__file__).parent), str(COMMON_FOLDER), str(FINN_FOLDER)]

# Workers started by a test inherit it.
os.environ["PYTHONPATH"] = os.pathsep.join([str(COMMON_FOLDER), str(FINN_FOLDER)])

from finn_worker import toolchain  # noqa: E402

toolchain.import_layers()

from compile_stage import Outcome, compile_export  # noqa: E402
from quantized_mlp import QuantizedMLP  # noqa: E402


@pytest.fixture(scope="session")
def network() -> QuantizedMLP:
    """2-bit weights and activations."""
    return QuantizedMLP()


@pytest.fixture(scope="session")
def export(network: QuantizedMLP, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of `network`."""
    return network.export(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="session")
def compiled(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """`network` compiled with FOLDING."""
    return compile_export(tmp_path_factory.mktemp("compiled"), export)
