"""The fields of a spec: what users may write in them, declared beside each field and checked.

A field is annotated with what it may hold, for instance

    epochs: Annotated[int, Range(ge=1, le=10_000), Key("passes over the training images")]

The host makes the tables of an experiment file from these annotations, with pydantic; a worker,
which has only the standard library, checks a spec that arrives by `require`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Spec = TypeVar("Spec")


class Misfit(ValueError):
    """A field has a value that is not allowed.

    Attributes:
        field: Its name.
        what: What is wrong with it: `... = 5, but ...`.
        remedy: What would be right.
    """

    def __init__(self, field: str, what: str, remedy: str) -> None:
        super().__init__(f"{field} {what}. {remedy}")
        self.field, self.what, self.remedy = field, what, remedy


@dataclass(frozen=True)
class Key:
    """The field is a key of the experiment file.

    Attributes:
        about: What it is, for people.
        inferred: Whether it may be left out, as the point has a value, such as a network's default.
        counts: Which images of the data set it counts; a grid may ask for no more than there are.
    """

    about: str
    inferred: bool = False
    counts: Literal["training", "test"] | None = None

    def __get_pydantic_json_schema__(self, schema: Any, handler: Callable[[Any], Any]) -> Any:
        """Describes the key to editors."""
        return {**handler(schema), "description": self.about}


@dataclass(frozen=True)
class Means:
    """What a field may hold, in words; for those that a pattern or a function checks."""

    words: str


@dataclass(frozen=True, kw_only=True)
class Range:
    """The range of a number, each end named as in pydantic."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    @property
    def bounds(self) -> dict[str, float]:
        """The ends that there are."""
        ends = {name: getattr(self, name) for name in ("ge", "gt", "le", "lt")}
        return {name: end for name, end in ends.items() if end is not None}

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The number's schema, bounded."""
        return {**handler(source), **self.bounds}

    def holds(self, value: float) -> bool:
        """Whether `value` is in it."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )


def keys(spec: type) -> dict[str, Any]:
    """The annotations of the fields of `spec` that are keys of the experiment file."""
    return {
        name: annotation
        for name, annotation in fields_of(spec).items()
        if any(isinstance(mark, Key) for mark in split(annotation)[1])
    }


def key_of(annotation: Any) -> Key:
    """The `Key` among the marks of a field."""
    return next(mark for mark in split(annotation)[1] if isinstance(mark, Key))


def least_of(annotation: Any) -> int:
    """The smallest whole number that a field may hold; 0 where none is stated."""
    ranges = (mark.ge for mark in split(annotation)[1] if isinstance(mark, Range))
    return max((int(least) for least in ranges if least is not None), default=0)


@functools.cache
def fields_of(spec: type) -> dict[str, Any]:
    """The annotations of all fields of the dataclass `spec`."""
    hints = typing.get_type_hints(spec, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(spec)}


def split(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type and its marks, those within a `pydantic.Field` included."""
    if typing.get_origin(annotation) is not typing.Annotated:
        return annotation, ()
    kind, *given = typing.get_args(annotation)
    return kind, tuple(mark for outer in given for mark in getattr(outer, "metadata", (outer,)))


def parse(spec: type[Spec], data: Mapping[str, Any]) -> Spec:
    """`data`, JSON values, as a `spec`; arrays become tuples.

    Raises:
        Misfit: A field is missing, unknown, or holds what it may not.
    """
    expected = fields_of(typing.cast("type", spec))
    for name in sorted(expected.keys() ^ data.keys()):
        there = "is unknown" if name in data else "is missing"
        raise Misfit(name, there, f"The fields are {', '.join(sorted(expected))}.")
    values = {name: _as_declared(name, value, expected[name]) for name, value in data.items()}
    return require(spec(**values))


def require(spec: Spec) -> Spec:
    """`spec` itself.

    Raises:
        Misfit: A field holds what it may not, by its annotation or by the method `check`.
    """
    for name, annotation in fields_of(typing.cast("type", type(spec))).items():
        value = getattr(spec, name)
        if not _fits(value, annotation):
            raise Misfit(name, f"is {value!r}", f"Give {name} as {in_words(annotation)}.")
    check = getattr(spec, "check", None)
    if check is not None:
        check()
    return spec


def in_words(annotation: Any) -> str:
    """What a field may hold, for people; a range may also be given with pydantic's own marks."""
    kind, marks = split(annotation)
    for mark in marks:
        if isinstance(mark, Means):
            return mark.words
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(in_words(part) for part in parts if part is not types.NoneType)
    if origin is Literal:
        return " or ".join(f"'{part}'" for part in parts)
    if origin is tuple:
        return _list_in_words(parts, marks)
    plain = {bool: "true or false", str: "text", int: "a whole number", float: "a number"}
    return f"{plain[kind]}{_range_in_words(marks)}" if kind in plain else "a table"


def _list_in_words(parts: tuple[Any, ...], marks: tuple[Any, ...]) -> str:
    if parts[-1] is not Ellipsis:
        if len(set(parts)) == 1:
            return f"a list of {len(parts)}, each {in_words(parts[0])}"
        return f"a list of {len(parts)}: {', '.join(map(in_words, parts))}"
    not_empty = any(getattr(mark, "min_length", 0) for mark in marks)
    return f"a list{' of at least one' if not_empty else ''}, each {in_words(parts[0])}"


def _range_in_words(marks: tuple[Any, ...]) -> str:
    words = {"ge": "of at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = {
        name: f"{int(value) if value == int(value) else value:,}"
        for name in words
        for mark in marks
        if (value := getattr(mark, name, None)) is not None
    }
    if {"ge", "le"} <= bounds.keys():
        return f" from {bounds['ge']} to {bounds['le']}"
    text = " and ".join(f"{words[name]} {bound}" for name, bound in bounds.items())
    return f" {text}" if text else ""


def _as_declared(name: str, value: Any, annotation: Any) -> Any:
    """JSON values as what is declared: arrays as tuples, records by their own `from_json`."""
    kind = split(annotation)[0]
    kinds = typing.get_args(kind) if typing.get_origin(kind) is types.UnionType else (kind,)
    from_json = next((k.from_json for k in kinds if hasattr(k, "from_json")), None)
    if from_json is None or (value is None and types.NoneType in kinds):
        return _as_tuples(value)
    try:
        return from_json(value)
    except ValueError as error:
        remedy = "Run bench and its workers in the same version."
        raise Misfit(name, f"cannot be used: {error}", remedy) from error


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _fits(value: Any, annotation: Any) -> bool:
    kind, marks = split(annotation)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, tuple) and _items_fit(value, parts)
    if kind in (int, float):  # to Python, true and false are numbers
        is_number = isinstance(value, int if kind is int else int | float)
        ranges = (mark for mark in marks if isinstance(mark, Range))
        return is_number and type(value) is not bool and all(mark.holds(value) for mark in ranges)
    if kind is Any:
        return True
    return isinstance(value, origin or kind)


def _items_fit(values: tuple[Any, ...], parts: tuple[Any, ...]) -> bool:
    if parts[-1] is Ellipsis:
        return all(_fits(value, parts[0]) for value in values)
    return len(values) == len(parts) and all(map(_fits, values, parts))
