"""What the integration tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.client import DockerClient

from needs import need


def pytest_configure(config: pytest.Config) -> None:
    """What fails in a test's thread fails the test."""
    warning = "error::pytest.PytestUnhandledThreadExceptionWarning"
    config.addinivalue_line("filterwarnings", warning)


@pytest.fixture(scope="module")
def client() -> Iterator[DockerClient]:
    """The engine; without one these tests are skipped, or fail where it is required."""
    try:
        client = docker.from_env(timeout=60)
        client.ping()
    except Exception as error:
        need(f"no container engine: {error}", "BENCH_REQUIRE_DOCKER")
    yield client
    client.close()


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """Where an emulated board makes its home."""
    folder = tmp_path / "boards"
    folder.mkdir()
    return folder
