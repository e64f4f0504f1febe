"""The results: their columns, each of them one record, and the rows that are made of them."""

from bench.results import finn, general
from bench.results.registry import (
    GRID,
    PART,
    STORE,
    WHOLE,
    Column,
    Facts,
    File,
    Omit,
    Place,
    Row,
    column,
    columns,
    identity,
    names,
    register,
    tolerance_of,
)
from bench.results.rows import precision, row_of, state_label

BUILT_IN = (general, finn)
"""The modules with the columns that are always there."""

__all__ = [
    "BUILT_IN",
    "GRID",
    "PART",
    "STORE",
    "WHOLE",
    "Column",
    "Facts",
    "File",
    "Omit",
    "Place",
    "Row",
    "column",
    "columns",
    "identity",
    "names",
    "precision",
    "register",
    "row_of",
    "state_label",
    "tolerance_of",
]
