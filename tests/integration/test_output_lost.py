"""Output that goes nowhere: a message, a code, and no traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import Exit

COMMAND = f"{shlex.quote(sys.executable)} -m bench"


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("{bench} --version >/dev/full", Exit.STORE, "cannot be written: No space left on device"),
        ("{bench} --version >&-", Exit.STORE, "Standard output is closed."),
        ("{bench} --version 1</dev/null", Exit.STORE, "Standard output is closed."),
        ("{bench} --version 2>&- >/dev/full", Exit.STORE, ""),
        ("{bench} store ls --store /nowhere 2>/dev/full", Exit.STORE, ""),
        ("{bench} --version <&-", Exit.OK, ""),
        ("({bench} store ls; echo $? >&2) | true", Exit.OK, "141"),
    ],
)
def test_output_that_goes_nowhere_has_a_message_and_a_code(
    tmp_path: Path, line: str, code: Exit, says: str
) -> None:
    for number in range(40):  # more than a pipe holds back
        (tmp_path / "train" / f"{'n' * 200}{number}--{'ab' * 6}").mkdir(parents=True)
    done = subprocess.run(
        ["/bin/sh", "-c", line.format(bench=COMMAND)],
        env={**os.environ, "BENCH_STORE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
