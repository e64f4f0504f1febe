"""The claims as `claims.toml` states them: what is judged, on which rows, how closely, and why."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from bench.claims.registry import Claim, kinds
from bench.console.text import shown
from bench.errors import ConfigError, did_you_mean
from bench.grids.grid import CLAIMS_FILE
from bench.input.reading import read_toml
from bench.input.schema import Table, validated
from bench.networks import NETWORKS
from bench.paths import ROOT
from contract.fields import Means


class _Name(Table):
    """The name of a claim, checked as the rest is."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$"),
        Means("a name such as C1: at most 20 letters, digits, '-' and '_', the first a letter"),
    ]


def claims_beside(grid_file: Path) -> Path:
    """The `claims.toml` beside a grid; where there is none, the project's own."""
    beside = grid_file.parent / CLAIMS_FILE
    return beside if beside.exists() else ROOT / "experiments" / CLAIMS_FILE


def load_claims(path: Path, own: Collection[str] = ()) -> dict[str, Claim]:
    """The claims in `path` by name, in the order written.

    Args:
        path: The file.
        own: Networks of the grid's, which may be the user's own.

    Raises:
        ConfigError: The file is missing, is not TOML, or says something that cannot be.
    """
    tables = read_toml(path)
    if not tables:
        raise ConfigError(f"{path} states no claim.", "Write one table for each, such as [C1].")
    networks = {*NETWORKS, *own}
    return {name: _claim(path, name, table, networks) for name, table in tables.items()}


def _claim(path: Path, name: str, table: object, networks: Collection[str]) -> Claim:
    validated(_Name, {"name": name}, f"{path}: a claim's ", "Rename the claim.")
    where = f"{path}: [{name}]"
    if not isinstance(table, dict):
        raise ConfigError(
            f"{path}: '{name}' is outside any table.", "Put it under a heading such as [C1]."
        )
    kind = table.get("judge")
    known = kinds()
    if not isinstance(kind, str) or kind not in known:
        said = "is missing" if kind is None else f"= {shown(kind)} is not known"
        raise ConfigError(f"{where} judge {said}.", did_you_mean(str(kind), known))
    remedy = "Correct the file; no claim was judged."
    claim: Claim = validated(known[kind].table, table, f"{where} ", remedy)
    for network in claim.networks:
        if network not in networks:
            raise ConfigError(
                f"{where} networks = '{network}' is not known.", did_you_mean(network, networks)
            )
    return claim
