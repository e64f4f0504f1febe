"""Write the generated pages of docs/reference/, or check that they are up to date.

Usage: python tools/reference.py [--check]

`grid.md` and `grid.schema.json` come from the tables of an experiment file, `command-line.md` from
the commands, `exit-codes.md` from `bench.errors`.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import generated
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from bench.cli import cli
from bench.errors import EXIT_MEANING
from bench.flows import flow_named
from bench.flows.register import DEFAULT
from bench.grids.tables import grid_model
from contract.fields import in_words

ROOT = Path(__file__).resolve().parent.parent
Grid = grid_model(flow_named(DEFAULT))
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Made by tools/reference.py (make docs); do not edit. -->\n"
WIDTH = 96


def pages() -> dict[str, str]:
    """The text of each generated file."""
    return {
        "grid.schema.json": json.dumps(grid_schema(), indent=1, ensure_ascii=False) + "\n",
        "grid.md": NOTE + grid_page(),
        "command-line.md": NOTE + command_page(),
        "exit-codes.md": NOTE + exit_page(),
    }


def grid_schema() -> dict[str, Any]:
    """The JSON schema of an experiment file, without the fields that no file may set."""
    schema = Grid.model_json_schema()
    for name, field in Grid.model_fields.items():
        if field.exclude:
            del schema["properties"][name]
    used = set(_references(schema["properties"], schema["$defs"]))
    schema["$defs"] = {name: table for name, table in schema["$defs"].items() if name in used}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _references(part: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """The names of all definitions that a part of a schema leads to."""
    if isinstance(part, dict):
        if reference := part.get("$ref"):
            name = reference.rpartition("/")[2]
            yield name
            yield from _references(definitions[name], definitions)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _references(inner, definitions)


def grid_page() -> str:
    """Every table and key of an experiment file."""
    sections = [_table_section(header, table) for header, table in _tables(Grid)]
    return f"""# The experiment file

An experiment file is TOML. bench checks all of it before anything runs, and names each wrong key
with its valid range. A key without a default is required.

[grid.schema.json](grid.schema.json) says the same for editors: with
[Even Better TOML](https://marketplace.visualstudio.com/items?itemName=tamasfe.even-better-toml) in
VS Code, or any editor that uses [taplo](https://taplo.tamasfe.dev), the first line of
`experiments/mine.toml`

```toml
#:schema ../docs/reference/grid.schema.json
```

brings completion, descriptions and errors while you type.

{"".join(sections)}"""


def _tables(model: type[BaseModel], header: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    yield header, model
    for name, field in model.model_fields.items():
        if table := _table_of(field):
            several = typing.get_origin(field.annotation) is tuple
            inner = f"{header.strip('[]')}.{name}".strip(".")
            yield from _tables(table, f"[[{inner}]]" if several else f"[{inner}]")


def _table_of(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a field of an experiment file is, or holds several of."""
    kinds = (field.annotation, *typing.get_args(field.annotation))
    tables = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
    return tables[0] if tables and not field.exclude else None


def _table_section(header: str, table: type[BaseModel]) -> str:
    hints = typing.get_type_hints(table, include_extras=True)
    described = table.model_json_schema()["properties"]
    rows = [
        f"| `{name}` | {_cell(in_words(hints[name]))} | {_default(field)} | "
        f"{_cell(described[name].get('description', ''))} |\n"
        for name, field in table.model_fields.items()
        if not field.exclude and not _table_of(field)
    ]
    about = inspect.cleandoc(table.__doc__ or "").partition(": ")
    text = about[2][:1].upper() + about[2][1:] if header else "At the top of the file:"
    title = f"`{header}`" if header else "Top level"
    head = "| key | value | default | meaning |\n|---|---|---|---|\n"
    return f"## {title}\n\n{text}\n\n{head}{''.join(rows)}\n"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    value = to_jsonable_python(field.default)
    return "none" if value is None else f"`{json.dumps(value)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def command_page() -> str:
    """What each command says to `--help`."""
    sections = [
        f"## `{path}`\n\n```\n{_help(path, command)}\n```\n"
        for path, command in commands(cli, "bench")
    ]
    return f"""# Command line

What each command answers to `--help`. Exit codes are on [a page of their own](exit-codes.md).

{chr(10).join(sections)}"""


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command by its full name, groups before their members."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}")


def _help(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
    text = command.get_help(context)
    return text.partition("Exit codes:")[0].rstrip()


def exit_page() -> str:
    """The exit codes and what they mean."""
    rows = "".join(f"| {int(code)} | {_cell(what)} |\n" for code, what in EXIT_MEANING.items())
    return f"""# Exit codes

`bench run` ends with 9 where a design is wrong, else with the code of the first stage that failed;
the other stages go on. A design that cannot be (`infeasible`) is a finding, kept and reported like
a success. `bench inspect` ends with 1 where nothing can be built of a network. 7 comes from
`bench claims` only, 8 from `bench compare` and `bench verify`. Codes above 128 are 128 plus the
number of the signal.

| code | meaning |
|---|---|
{rows}"""


if __name__ == "__main__":
    sys.exit(generated.main(__doc__, {FOLDER / name: text for name, text in pages().items()}))
