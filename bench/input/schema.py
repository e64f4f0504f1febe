"""Tables of files that users write: checked field by field, every error in our own words."""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Tag, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from bench.console.text import excerpt, printable, shown
from bench.errors import ConfigError, did_you_mean
from bench.input.names import LONGEST, RULE, is_name
from contract.fields import Means, in_words, split

LONGEST_LINE = 1000
# More errors than that fill a screen, and a list of thousands has thousands.
_SHOWN = 20


class Table(BaseModel):
    """A table of a file: frozen, strictly typed, finite numbers, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def _name(text: str) -> str:
    return _passed(text, is_name(text))


def _line(text: str) -> str:
    fits = 0 < len(text) <= LONGEST_LINE and not {"\n", "\t"} & set(text)
    return _passed(text, fits and printable(text) == text)


def _prose(text: str) -> str:
    return _passed(text, bool(text) and printable(text) == text)


def _passed(text: str, fits: bool) -> str:
    if not fits:
        raise PydanticCustomError("text", "is not allowed")
    return text


def _folding(text: str) -> str:
    name, _, rest = text.partition(":")
    return _passed(text, is_name(name) and (not rest or is_name(rest)))


Name = Annotated[str, AfterValidator(_name), Means(f"a name: {RULE}")]
"""May be part of the names of folders, files and rows."""
FoldingName = Annotated[
    str,
    AfterValidator(_folding),
    Means(f"a name: {RULE}; or what is searched for: 'fastest', 'balanced', 'smallest:1024'"),
]
"""A name, or a goal such as "smallest:1024"."""
Line = Annotated[
    str,
    AfterValidator(_line),
    Means(f"text of 1 to {LONGEST_LINE:,} characters on one line, none a control character"),
]
"""Text on one line."""
Prose = Annotated[str, AfterValidator(_prose), Means("text without control characters")]
"""Text on any number of lines."""


def matching(pattern: str) -> Callable[[str], str]:
    """Checks that a text is what a regular expression of Python's describes."""
    compiled = re.compile(pattern)
    return lambda text: _passed(text, compiled.fullmatch(text) is not None)


def disagree(where: str, what: str, remedy: str) -> PydanticCustomError:
    """The error of a table whose fields do not fit each other; to be raised by its validator.

    Args:
        where: The field to correct.
        what: What is wrong with it: `... = 5, but ...`.
        remedy: What would be right.
    """
    return PydanticCustomError("disagree", "{what}", {"where": where, "what": what, "fix": remedy})


def lacking(what: str, remedy: str) -> PydanticCustomError:
    """The error of a table that lacks what several of its keys could give; of their last one."""
    return PydanticCustomError("lacking", "{what}", {"what": what, "fix": remedy})


def validated(model: type[Model], data: Mapping[str, Any], where: str, remedy: str) -> Model:
    """`data` as `model`.

    Args:
        model: The table.
        data: As `bench.input.reading` reads it.
        where: The file, and its part if it has several; begins every sentence of an error.
        remedy: What to do, for a reader who knows what is wrong.

    Raises:
        ConfigError: It is not such a table; names every field that is wrong and what it may be.
    """
    try:
        return model.model_validate(_as_tuples(data))
    except ValidationError as error:
        details = _innermost(error.errors(include_url=False))
    lines = [f"{where}{_explain(problem, model)}" for problem in details[:_SHOWN]]
    if len(details) > _SHOWN:
        lines.append(f"... and {len(details) - _SHOWN:,} more")
    raise ConfigError("\n".join(lines), remedy)


def first_problem(error: ValidationError) -> str:
    """What is wrong with a file of bench's own, in pydantic's words: the first thing."""
    first = error.errors(include_url=False)[0]
    return excerpt(": ".join(filter(None, (_spelled(first["loc"]), first["msg"]))))


def _innermost(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Those without others inside: a list with wrong items is also reported as too short."""
    places = [error["loc"] for error in errors]
    outer = {place[:length] for place in places for length in range(len(place))}
    return [error for error in errors if error["loc"] not in outer]


def _as_tuples(value: Any) -> Any:
    """Arrays as tuples: pydantic's strict mode takes nothing else for one."""
    if isinstance(value, dict):
        return {key: _as_tuples(inner) for key, inner in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _explain(details: ErrorDetails, model: type[BaseModel]) -> str:
    """One error as a sentence, with the nearest valid name or the range where there is one."""
    place, context = details["loc"], details.get("ctx", {})
    location = _spelled(place)
    match details["type"]:
        case "extra_forbidden":
            *outer, key = place
            table = _at(outer, model)
            known = [n for n, field in table.model_fields.items() if not field.exclude]
            name = ".".join(filter(None, (_spelled(outer), excerpt(str(key), LONGEST))))
            return f"unknown key '{name}'. {did_you_mean(str(key), known)}"
        case "missing" if isinstance(place[-1], int):  # an item of a list
            shorter = _spelled(place[:-1])
            return f"{shorter} is too short: give {in_words(_at(place[:-1], model))}."
        case "missing":
            return f"the key '{location}' is missing. Give {in_words(_at(place, model))}."
        case "disagree" | "lacking":
            key = _spelled((*place, context["where"])) if "where" in context else ""
            return f"{key} {context['what']}. {context['fix']}".lstrip()
        case "literal_error":
            valid = re.findall(r"'([^']+)'", context["expected"])
            hint = did_you_mean(str(details["input"]), valid)
            return f"{location} = {shown(details['input'])} is not known. {hint}"
    return f"{location} = {shown(details['input'])}: give {in_words(_at(place, model))}."


def _spelled(location: Iterable[int | str]) -> str:
    """A location as in the file: without the tags by which pydantic tells unions apart."""
    parts = (str(part) for part in location)
    return ".".join(excerpt(part, LONGEST) for part in parts if not part.startswith("#"))


def _at(location: Iterable[int | str], model: type[BaseModel]) -> Any:
    """The annotation at a location of pydantic's, below `model`."""
    annotation: Any = model
    for part in location:
        kind, _ = split(annotation)
        inner = typing.get_args(kind)
        if isinstance(part, int):
            annotation = inner[0] if inner[-1] is Ellipsis else inner[min(part, len(inner) - 1)]
        elif typing.get_origin(kind) is dict:
            annotation = inner[1]
        elif part.startswith("#"):
            annotation = next(member for member in inner if Tag(part) in split(member)[1])
        else:
            annotation = _fields(_table(annotation) or kind)[part]
    table = _table(annotation)
    return annotation if table is None else table


def _table(annotation: Any) -> type[BaseModel] | None:
    """The table that a field is, also one that may be left out."""
    kind, _ = split(annotation)
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    found = (one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel))
    return next(found, None)


@functools.cache
def _fields(kind: type) -> dict[str, Any]:
    """The annotations of a table's fields."""
    return typing.get_type_hints(kind, include_extras=True)
