"""What some tests need of a machine: else they are skipped, or fail where it is required."""

from __future__ import annotations

import os
import shutil

import pytest


def need(what: str, variable: str) -> None:
    """Skip the test for want of `what`; fail if the environment variable `variable` is 1."""
    if os.environ.get(variable) == "1":
        pytest.fail(f"{variable}=1, but {what}", pytrace=False)
    pytest.skip(what)


def need_programs(variable: str, packages: str, *programs: str) -> None:
    """Skip the test unless PATH has all `programs`, which Debian's `packages` bring; see `need`."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        need(f"not on PATH: {', '.join(missing)} (Debian: {packages})", variable)
