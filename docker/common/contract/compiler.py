"""Which C++ compiler builds the simulators: bench looks for it beforehand, the worker uses it."""

from __future__ import annotations

import os
import shlex
import shutil

VARIABLE = "CXX"
# g++ first: with the stand-ins it is fast enough, and where several are there the executable should
# not depend on which of them somebody happened to install.
CANDIDATES = ("g++", "clang++", "c++")
REMEDY = (
    "Install one (Debian, Ubuntu: `apt-get install g++ make`; Fedora, openSUSE: package "
    f"`gcc-c++`), or name yours in ${VARIABLE}, then rerun."
)


def find_compiler() -> tuple[str, ...] | None:
    """The command that `CXX` names, or else the first of `CANDIDATES` on the PATH.

    Returns:
        The program's path, and the words that follow it in `CXX`; None if no compiler is available.
        Relative paths do not count, as the worker has another working directory.
    """
    named = os.environ.get(VARIABLE)
    for candidate in (named,) if named else CANDIDATES:
        program, *options = shlex.split(candidate)
        path = shutil.which(program)
        if path and os.path.isabs(path):  # noqa: PTH117  # a string, as commands take
            return (path, *options)
    return None


def describe_missing() -> str:
    """Which compiler is missing, as a sentence."""
    if named := os.environ.get(VARIABLE):
        return f"{VARIABLE}={named} names no C++ compiler that can be run from any folder."
    return f"No C++ compiler ({', '.join(CANDIDATES)}); the RTL simulator is compiled here."
