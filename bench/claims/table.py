"""The claims as `claims.toml` states them: what is judged, on which rows, how closely, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from bench.console.text import shown
from bench.errors import ConfigError, did_you_mean
from bench.grids.grid import CLAIMS_FILE
from bench.grids.reading import read_toml
from bench.grids.schema import Line, Prose, Table, disagree, validated
from bench.networks import NETWORKS
from bench.paths import ROOT
from contract.fields import Means

Names = Annotated[tuple[Line, ...], Field(min_length=1)]
Pair = Annotated[tuple[Line, Line], Means("two names of foldings: [slow, fast]")]
Bits = Annotated[int, Field(ge=1, le=32)]
Widths = Annotated[tuple[Bits, ...], Field(min_length=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Factor = Annotated[float, Field(gt=0, le=1e6)]
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

    judge: Line
    title: Line
    statement: Prose
    source: Prose
    networks: Names
    tolerance: Prose
    why: Prose
    full: Prose


class AccuracyClaim(Claim):
    """Low precision is as accurate as the reference precision.

    Attributes:
        reference: [weights, activations] that the others are compared with.
        weight_bits, act_bits: Every pair of the two is compared.
        epochs: Enough training.
        standard_errors: How many standard errors of the difference are within chance.
        training_std: Spread between seeds, as a fraction, where too few seeds were trained.
        seeds_for_spread: From so many seeds on their own spread is taken.
    """

    judge: Literal["accuracy"]
    reference: tuple[Bits, Bits]
    weight_bits: Widths
    act_bits: Widths
    epochs: Count
    standard_errors: Factor
    training_std: Annotated[float, Field(ge=0, lt=1)]
    seeds_for_spread: Annotated[int, Field(ge=2, le=1_000_000)]


class ThroughputClaim(Claim):
    """One folding is so many times as fast as another.

    Attributes:
        factor: So many times.
        within: The largest deviation from it, as a fraction.
        pairs: Candidate pairs of foldings, [slow, fast].
    """

    judge: Literal["throughput"]
    factor: Factor
    within: Share
    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _differ(self) -> ThroughputClaim:
        for pair in self.pairs:
            if pair[0] == pair[1]:
                what = f"names {shown(pair)}, and no folding is faster than itself"
                raise disagree("pairs", what, "Name two foldings: [slow, fast].")
        return self


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

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,19}$"),
        Means("a name such as C1: at most 20 letters, digits, '-' and '_', the first a letter"),
    ]


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
    validated(_Name, {"name": name}, f"{path}: a claim's ", "Rename the claim.")
    where = f"{path}: [{name}]"
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: '{name}' stands outside a table.", "Put it under [C1] or such.")
    kind = table.get("judge")
    if not isinstance(kind, str) or kind not in KINDS:
        said = "is missing" if kind is None else f"= {shown(kind)} is not known"
        raise ConfigError(f"{where} judge {said}.", did_you_mean(str(kind), KINDS))
    remedy = "Correct the file; no claim was judged."
    claim: AnyClaim = validated(KINDS[kind], table, f"{where} ", remedy)
    for network in claim.networks:
        if network not in NETWORKS:
            raise ConfigError(
                f"{where} networks = '{network}' is not known.", did_you_mean(network, NETWORKS)
            )
    return claim
