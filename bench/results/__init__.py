"""The results: their columns, each of them one record, and the rows that are made of them."""

from bench.results import general as _general  # noqa: F401  # it registers what is always there
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
    refinements,
    register,
    tolerance_of,
)
from bench.results.rows import about_models, named, precision, row_of, state_label

__all__ = [
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
    "about_models",
    "column",
    "columns",
    "identity",
    "named",
    "names",
    "precision",
    "refinements",
    "register",
    "row_of",
    "state_label",
    "tolerance_of",
]
