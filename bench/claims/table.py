"""The claims as `claims.toml` states them: what is judged, on which rows, how closely, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError

from bench.catalog import NETWORKS
from bench.errors import ConfigError, did_you_mean
from bench.grid import FOLDINGS_FILE, Table, explain, read_toml
from bench.paths import ROOT

CLAIMS_FILE = "claims.toml"
NO_GRIDS = (FOLDINGS_FILE, CLAIMS_FILE)
"""Files in `experiments/` that are no grids."""

Text = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Text, ...], Field(min_length=1)]
Widths = Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Resource = Literal["lut", "bram18", "dsp"]


class Claim(Table):
    """What every claim states.

    Attributes:
        judge: The kind of judgement: which of the classes below.
        title, statement: The claim, short and whole.
        source: Where it stands.
        networks: Rows of these networks are judged on.
        tolerance: How close is close enough, in words.
        why: Why the tolerance is what it is.
        full: What a full verdict needs; without it, "partly" is the most.
    """

    judge: Text
    title: Text
    statement: Text
    source: Text
    networks: Names
    tolerance: Text
    why: Text
    full: Text


class AccuracyClaim(Claim):
    """Low precision is as accurate as the reference precision.

    Attributes:
        reference: [weights, activations] that the others are compared with.
        weight_bits, act_bits: Every pair of the two is compared.
        epochs: Enough training.
        test_images: Images that an accuracy is counted over.
        standard_errors: How many standard errors of the difference are within chance.
        training_std: Spread between seeds, as a fraction, where too few seeds were trained.
        seeds_for_spread: From so many seeds on their own spread is taken.
    """

    judge: Literal["accuracy"]
    reference: tuple[PositiveInt, PositiveInt]
    weight_bits: Widths
    act_bits: Widths
    epochs: PositiveInt
    test_images: PositiveInt
    standard_errors: PositiveFloat
    training_std: Annotated[float, Field(ge=0, lt=1)]
    seeds_for_spread: Annotated[int, Field(ge=2)]


class ThroughputClaim(Claim):
    """One folding is so many times as fast as another.

    Attributes:
        factor: So many times.
        within: The largest deviation from it, as a fraction.
        pairs: Candidate pairs of foldings, [slow, fast].
    """

    judge: Literal["throughput"]
    factor: PositiveFloat
    within: Share
    pairs: Annotated[tuple[tuple[Text, Text], ...], Field(min_length=1)]


class ResourceClaim(Claim):
    """Fewer bits cost fewer resources.

    Attributes:
        resources: Which ones.
        share: Holds where no comparison shows more, and more than this share of them fewer.
    """

    judge: Literal["resources"]
    resources: Annotated[tuple[Resource, ...], Field(min_length=1)]
    share: Share


AnyClaim = AccuracyClaim | ThroughputClaim | ResourceClaim
KINDS: dict[str, type[AnyClaim]] = {
    "accuracy": AccuracyClaim,
    "throughput": ThroughputClaim,
    "resources": ResourceClaim,
}


class _Name(Table):
    """The name of a claim, checked as the rest is."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$")]


def claims_beside(grid_file: Path) -> Path:
    """The `claims.toml` beside a grid; where there is none, the project's own."""
    beside = grid_file.parent / CLAIMS_FILE
    return beside if beside.exists() else ROOT / "experiments" / CLAIMS_FILE


def load_claims(path: Path) -> dict[str, AnyClaim]:
    """The claims in `path` by name, in the order written.

    Raises:
        ConfigError: The file is missing, is not TOML, or says something that cannot be.
    """
    tables = read_toml(path)
    if not tables:
        raise ConfigError(f"{path} states no claim.", "Write one table for each, such as [C1].")
    return {name: _claim(path, name, table) for name, table in tables.items()}


def _claim(path: Path, name: str, table: object) -> AnyClaim:
    where = f"{path}: [{name}]"
    try:
        _Name(name=name)
    except ValidationError:
        raise ConfigError(
            f"{where} is no name of a claim.", "Letters, digits, - and _; at most 20, such as C1."
        ) from None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: '{name}' stands outside a table.", "Put it under [C1] or such.")
    kind = table.get("judge")
    if kind not in KINDS:
        said = "is missing" if kind is None else f"= {kind!r} is not known"
        raise ConfigError(f"{where} judge {said}.", did_you_mean(str(kind), KINDS))
    model = KINDS[kind]
    try:
        claim = model.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise ConfigError(
            "\n".join(f"{where} {explain(details, model)}" for details in error.errors()),
            "Correct the file; no claim was judged.",
        ) from None
    for network in claim.networks:
        if network not in NETWORKS:
            raise ConfigError(
                f"{where} networks = '{network}' is not known.", did_you_mean(network, NETWORKS)
            )
    return claim
