"""What a command imports, and what it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.paths import ROOT
from bench.session.lazy import SUMMARIES

ROW = "tfc-mnist-w3a2-s1-max"
# Each takes a tenth of a second or more.
LIBRARIES = {"asyncssh", "distributed", "docker", "jinja2", "matplotlib", "rocrate"}


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], {"pydantic", "pandas", "asyncssh", "docker"}),
        (["store", "ls"], {"pandas", "asyncssh", "docker"}),
        (["plan", "experiments/tiny.toml"], {"pandas", *LIBRARIES}),
        (["why", ROW, "--file", "experiments/tiny.toml"], {"pandas", *LIBRARIES}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_imports_only_what_it_uses(
    arguments: list[str], spared: set[str], tmp_path: Path
) -> None:
    """Large libraries take longer to import than these commands take to answer."""
    program = "import sys; from bench.cli import main; code = main(sys.argv[1:]);"
    program += f"print(code, {spared!r} & set(sys.modules))"
    command = [sys.executable, "-c", program, *arguments]
    no_engine = f"unix://{tmp_path / 'docker.sock'}"
    variables = {**os.environ, "BENCH_STORE": str(tmp_path), "DOCKER_HOST": no_engine}
    printed = subprocess.run(
        command, env=variables, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines()[-1] == "0 set()"


def test_commands_but_those_for_boards_and_the_machine_load_no_ssh_and_no_engine() -> None:
    names = sorted(SUMMARIES.keys() - {"board", "doctor"})
    program = "import sys; from importlib import import_module\n"
    program += f"for name in {names!r}: import_module('bench.commands.' + name)\n"
    program += "print({'asyncssh', 'docker', 'distributed'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
