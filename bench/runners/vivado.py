"""The user's own Vivado: its version, whether it can be used, and its licences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import EnvironmentFailure
from contract.finn.synthesize import VIVADO_VERSIONS

VARIABLE = "XILINX_VIVADO"

_COMPANIONS = ("XILINX_VITIS", "XILINX_HLS")
_LICENCES = ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")
_SERVER = re.compile(r"\d*@\S+")
# Characters without a special meaning to a shell or to Tcl.
_PLAIN = re.compile(r"[A-Za-z0-9/._+=@,%~-]")
_VERSION = re.compile(r"(?<!\d)20\d\d\.\d(?:\.\d)?(?!\d)")


@dataclass(frozen=True)
class Vivado:
    """An installation of Vivado on this machine.

    Attributes:
        version: E.g. `2024.2`; part of the key of its artifacts.
        folders: Tools and licence files, to be mounted read-only at the same paths.
        variables: Environment variables that name them.
        needs_network: Whether the licence comes from a server.
    """

    version: str
    folders: tuple[Path, ...]
    variables: Mapping[str, str]
    needs_network: bool


def find_vivado(variables: Mapping[str, str]) -> Vivado:
    """The Vivado that `XILINX_VIVADO` names.

    Raises:
        EnvironmentFailure: It names no Vivado, or a version that FINN+ does not support, or a
            licence file is missing.
    """
    named = variables.get(VARIABLE)
    if not named:
        raise EnvironmentFailure(
            f"This stage needs Vivado, and {VARIABLE} names none.",
            "Source the settings64.sh of a Vivado installation, then rerun.",
        )
    top = Path(named)
    if not (top / "bin" / "vivado").is_file():
        raise EnvironmentFailure(
            f"{VARIABLE}={named} has no bin/vivado.",
            "Source the settings64.sh of a Vivado installation, or unset it to go without.",
        )
    version = _version(top)
    if version not in VIVADO_VERSIONS:
        raise EnvironmentFailure(
            f"{VARIABLE}={named} is Vivado {version or 'of unknown version'}; "
            f"FINN+ supports {' and '.join(VIVADO_VERSIONS)}.",
            "Source the settings64.sh of a supported version, or unset it to go without.",
        )
    passed = {VARIABLE: named}
    passed |= {name: variables[name] for name in _COMPANIONS if variables.get(name)}
    folders = [Path(folder) for folder in passed.values()]
    files, licences, network = _licences(variables)
    return Vivado(version, (*folders, *files), passed | licences, network)


def why_none(variables: Mapping[str, str]) -> str:
    """Why no Vivado can be used; empty if one can."""
    if not variables.get(VARIABLE):
        return f"{VARIABLE} is not set: no bitstream"
    try:
        find_vivado(variables)
    except EnvironmentFailure as error:
        return error.what
    return ""


def require_plain(*places: Path) -> None:
    """Raise `EnvironmentFailure` for paths that Vivado or FINN+'s scripts for it cannot read."""
    for place in places:
        if odd := sorted({letter for letter in str(place) if not _PLAIN.fullmatch(letter)}):
            raise EnvironmentFailure(
                f"No bitstream can be built with {place}: Vivado and FINN+'s scripts for it cannot "
                f"work with {', '.join(map(repr, odd))} in a path.",
                "Use a path of letters, digits and . _ - + only: a checkout elsewhere, --store, "
                f"BENCH_ENVIRONMENTS, {VARIABLE}. Or unset {VARIABLE}: everything else works here.",
            )


def _version(top: Path) -> str:
    """From the path, `.../Vivado/2022.2` or `.../2025.1/Vivado`; asking it takes seconds."""
    versions = [part for part in top.resolve().parts if _VERSION.fullmatch(part)]
    return versions[-1] if versions else ""


def _licences(environment: Mapping[str, str]) -> tuple[list[Path], dict[str, str], bool]:
    """Licence files, the variables that name them, and whether a server is among them."""
    files: list[Path] = []
    network = False
    variables = {name: environment[name] for name in _LICENCES if environment.get(name)}
    for name, value in variables.items():
        for place in value.split(":"):
            if _SERVER.fullmatch(place):
                network = True
            elif Path(place).exists():
                files.append(Path(place))
            elif place:
                raise EnvironmentFailure(
                    f"{name} names {place}, which does not exist.",
                    "Correct it: a licence file, a folder of them, or port@server.",
                )
    return files, variables, network
