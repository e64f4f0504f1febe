"""Kinds of claims, and the register of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from bench import extensions
from bench.claims.verdict import Part
from bench.input.schema import Line, Prose, Table
from bench.results import File, Row

Names = Annotated[tuple[Line, ...], Field(min_length=1)]


class Claim(Table):
    """The keys of every claim.

    Attributes:
        judge: The name of its kind.
        title, statement: The claim in short and in full.
        source: Where the paper makes it.
        networks: It is judged on rows of these.
        tolerance, why: How close is close enough, in words, and the reason.
        full: What a full verdict needs; without it, the best verdict is "partly".
    """

    judge: Line
    title: Line
    statement: Prose
    source: Prose
    networks: Names
    tolerance: Prose
    why: Prose
    full: Prose


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of claim.

    Attributes:
        name: What claims.toml says under `judge`.
        table: The model of its table there.
        file: Whose rows it is judged on.
        judge: Gives the verdict on a claim of this table, from the rows of its networks.
    """

    name: str
    table: type[Claim]
    file: File
    judge: Callable[[Any, Sequence[Row]], Part]


_register: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Let claims.toml state claims of this kind.

    Raises:
        ValueError: There is a kind of that name.
    """
    if kind.name in _register:
        raise ValueError(f"there is a kind of claim {kind.name} already")
    _register[kind.name] = kind


def kinds() -> dict[str, Kind]:
    """All kinds by name, those of extensions included."""
    extensions.modules()
    return dict(_register)
