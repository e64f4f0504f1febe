"""A grid that ran once, for all tests that only look at it."""

from __future__ import annotations

import pytest
from real_runs import Bench


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A store in which the grid ran once, undisturbed."""
    bench = Bench(tmp_path_factory.mktemp("undisturbed"))
    bench.run_grid()
    return bench
