"""What values the keys of an experiment file may have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from bench.input.schema import Line, matching
from contract.fields import Means
from contract.stages.network import LEAST_BITS, MOST_BITS
from contract.stages.train import LARGEST_SEED

MOST_BUILT = 8
"""Bits of what is built for an FPGA; references may have more."""
MOST_LAYERS = 64
"""Bit widths in a list; they stand in names of rows."""


def _which(value: Any) -> str:
    if isinstance(value, str):
        return "#name"
    return "#each" if isinstance(value, list | tuple) else "#one"


def _alone(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_BITS = f"a whole number from {LEAST_BITS} to {MOST_BUILT}"
_Bits = Annotated[int, Field(ge=LEAST_BITS, le=MOST_BUILT)]
_AnyBits = Annotated[int, Field(ge=LEAST_BITS, le=MOST_BITS)]
Bits = Annotated[
    Annotated[_Bits, Tag("#one")]
    | Annotated[tuple[_Bits, ...], Field(min_length=1, max_length=MOST_LAYERS), Tag("#each")],
    Discriminator(_which),
    Means(f"{_BITS}, or a list of one for each layer"),
]
Pair = Annotated[
    tuple[Bits, Bits],
    Means(f"[weights, activations], each {_BITS}, or a list of one for each layer"),
]
Reference = Annotated[
    Annotated[Literal["float"], Tag("#name")] | Annotated[tuple[_AnyBits, _AnyBits], Tag("#each")],
    Discriminator(_which),
    Means(f"'float', or [weights, activations], each from {LEAST_BITS} to {MOST_BITS}"),
]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Throughput = Annotated[float, Field(ge=0.001, le=1e9)]
Memory = Annotated[float, Field(ge=0.01, le=65_536)]
Minutes = Annotated[float, Field(gt=0, le=525_600)]
_SeveralNames = Annotated[tuple[Line, ...], Field(min_length=1)]
Names = Annotated[
    _SeveralNames,
    BeforeValidator(_alone, json_schema_input_type=Line | _SeveralNames),
    Means("a name, or a list of names"),
]
FilePath = Annotated[
    str,
    AfterValidator(matching(r"[^\\\x00-\x1f\x7f]{1,1000}")),
    Means("the path of a file, with neither backslash nor control character"),
]
