"""Whatever a grid or a command line holds: an error that names the field, and no traceback."""

from __future__ import annotations

import json
import math
import re
import tomllib
import typing
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel

from bench.claims import Claim, kinds, load_claims
from bench.cli import cli, main
from bench.console.text import printable, with_short_lines
from bench.errors import ConfigError, Exit
from bench.flows.finn.foldings import Foldings
from bench.grids.tables import Grid
from bench.networks import NETWORKS
from bench.paths import ROOT
from bench.session.grids import open_grid

KINDS = {name: kind.table for name, kind in kinds().items()}
NASTY: tuple[Any, ...] = (
    math.nan, math.inf, -math.inf, -1, 0, 1e300, 1e-320, 10**30, 10**5000, 2**63,
    "", "x" * 300, "../../x", "[red]x[/]", "a\x1b[31mb", "line\nbreak", True, [], {},
    [[[[]]]], [{}], [math.nan], ["x" * 300], ["y/../../../x"], [0, 0], [1, 2, 3],
    {"a": 1}, date(2021, 2, 3),
)  # fmt: skip
MODEL = {"file": "trained.onnx", "dataset": "MNIST"}
BOARD = {"name": "lab", "address": "192.0.2.1"}
GRID: dict[str, Any] = {
    "name": "test",
    "train": {
        "network": "TFC", "dataset": "MNIST", "bits": [[2, 2]], "seeds": [1], "epochs": 2,
        "milestones": [],
    },
    "build": {"foldings": ["low"], "board": "Pynq-Z1", "clock_mhz": 100.0},
}  # fmt: skip


def fields(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where every field of the schema is: tables, and what is in them."""
    for name, kind in typing.get_type_hints(model).items():
        if name == "model_config":
            continue
        yield (*path, name)
        for inner in (kind, *typing.get_args(kind)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from fields(inner, (*path, name))


def as_toml(value: Any) -> str:
    """A value as TOML has it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            codes = (f"\\u{ord(c):04x}" if c < " " or c in '"\\' else c for c in value)
            return f'"{"".join(codes)}"'
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case dict():
            inner = (f"{as_toml(name)} = {as_toml(one)}" for name, one in value.items())
            return f"{{{', '.join(inner)}}}"
        case int() if abs(value) > 10**4000:
            return f"1{'0' * 5000}"
    return str(value)


def changed(path: tuple[str, ...], value: Any) -> str:
    """A grid that is valid but for one field."""
    data = {name: dict(one) if isinstance(one, dict) else one for name, one in GRID.items()}
    if path[0] == "boards" and len(path) > 1:
        data["boards"] = [BOARD | {path[1]: value}]
    else:
        empty = dict(MODEL) if path[0] == "model" else {}
        table = data if len(path) == 1 else data.setdefault(path[0], empty)
        table[path[-1]] = value
    if path[0] == "model":
        del data["train"]
    return "\n".join(f"{as_toml(name)} = {as_toml(one)}" for name, one in data.items())


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run the command line in this process; its exit code and what it says of an error."""

    def run(*words: str) -> tuple[int, str]:
        code = main([*words])
        return code, capsys.readouterr().err

    return run


def refusal(grid: Path) -> str | None:
    """What is said of a grid that is refused, as it is printed; None of one that is not."""
    try:
        open_grid(grid)
    except ConfigError as error:
        return printable(f"{with_short_lines(error.what)}\n{error.remedy}")
    return None


def require_readable(said: str | None, grid: Path, where: str, case: str) -> None:
    """Require an error to name file and field, and to be of a length and kind to be read."""
    if said:
        assert where in said or "a number of 5001 digits" in said, f"{case}\n{said}"
        assert str(grid) in said, case
        assert len(said) < 2000, case
        assert said.replace("\n", "").isprintable(), case


@pytest.mark.parametrize("path", list(fields(Grid)), ids=".".join)
def test_any_value_of_any_field(
    grid_file: Path, bench: Callable[..., tuple[int, str]], path: tuple[str, ...]
) -> None:
    """All refusals of grids are explained alike, so that of each field one is printed."""
    where = ".".join(path).replace("boards.", "boards.0.")
    store = str(grid_file.parent / "store")
    (grid_file.parent / MODEL["file"]).write_bytes(b"a model")
    with (grid_file.parent / "foldings.toml").open("a") as foldings:
        foldings.write("[trained]\nlow = [[1, 1]]\n")
    printed = False
    for value in NASTY:
        grid_file.write_text(changed(path, value))
        case = f"{'.'.join(path)} = {as_toml(value)[:80]}"
        refused = refusal(grid_file)
        if refused is None or not printed:
            code, said = bench("plan", str(grid_file), "--store", store, "--runner", "venv")
            printed |= code != Exit.OK
            ends = (Exit.CONFIG,) if refused else (Exit.OK, Exit.CONFIG)
            assert code in ends, f"{case}: {code}\n{said}"
            require_readable(said, grid_file, where, case)
        require_readable(refused, grid_file, where, case)


@pytest.mark.parametrize("table", [(), ("train",), ("boards",)])
def test_any_unknown_key(
    grid_file: Path, bench: Callable[..., tuple[int, str]], table: tuple[str, ...]
) -> None:
    for key in ("#x", "#one", "a\x1b[2J", "x" * 300, "", "a.b", "[red]x[/]", "0"):
        grid_file.write_text(changed((*table, key), 1))
        code, said = bench("plan", str(grid_file), "--runner", "venv")
        assert code == Exit.CONFIG, said
        assert "unknown key" in said, said


@pytest.mark.parametrize("kind", KINDS)
def test_any_value_of_any_field_of_a_claim(tmp_path: Path, kind: str) -> None:
    """What all claims have is read in one way, and tried with the first kind."""
    stated = tomllib.loads((ROOT / "experiments" / "claims.toml").read_text())
    valid = next(claim for claim in stated.values() if claim["judge"] == kind)
    path = tmp_path / "claims.toml"
    own = set(fields(KINDS[kind])) - set(fields(Claim)) | {("judge",)}
    for (field,) in sorted(own if kind != next(iter(KINDS)) else fields(KINDS[kind])):
        for value in NASTY:
            table = "\n".join(f"{k} = {as_toml(v)}" for k, v in (valid | {field: value}).items())
            path.write_text(f"[C1]\n{table}")
            try:
                load_claims(path)
            except ConfigError as error:
                said = error.what
            else:
                continue
            assert field in said or "digits" in said, f"{field} = {value}: {said}"
            assert str(path) in said


LAYERS = NETWORKS["TFC"].architecture.shapes((1, 32, 32), 10)
# Neither a folding nor a layer of one.
NO_FOLDING = (
    *(value for value in NASTY if value != 10**5000), None, [None] * 4, [[2, None]] * 4,
    [[2, 8, 1]] * 4, [[2, math.nan]] * 4, [[2, 10**30]] * 4, [[True, True]] * 4, [["2", "8"]] * 4,
    {"MVAU_0": None}, {"MVAU_0": 3}, {"MVAU_0": {"PE": None, "SIMD": None}}, {"Defaults": None},
    {"MVAU_0": {"PE": "x", "SIMD": []}}, {f"MVAU_{'9' * 5000}": {"PE": 1, "SIMD": 1}},
    {"layers": 3, "infeasible": ""},
)  # fmt: skip


@pytest.mark.parametrize("value", NO_FOLDING, ids=lambda value: str(value)[:20])
def test_any_value_for_a_folding(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(value, default=str))
    for read in (
        lambda: Foldings().from_file(path, LAYERS),
        lambda: Foldings().named(path, "low", value, LAYERS),
    ):
        with pytest.raises(ConfigError, match=re.escape(str(path))) as caught:
            read()
        assert caught.value.remedy


WORDS = (
    "", " ", "nan", "inf", "-inf", "-1", "0", "0.5", "1e300", "9" * 5000, "x" * 300, "x/" * 3000,
    "../../none", "[red]x[/]", "a\x1b[31mb", "line\nbreak", "a\u202eb", "\udcff", "--", "-", "{}",
    "u@h:99999999", "u@[::1", "a..b", "x" * 64 + ".y",
)  # fmt: skip
# Of paths only what cannot be one, and one that is not there.
PATHS = (
    "", "x" * 300, "x/" * 3000, "../../none", "a\x1b[31mb", "line\nbreak", "a\u202eb", "\udcff",
)  # fmt: skip
# What each command needs beside the one value that is tried; nothing that works for long.
NEEDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "board probe": (("127.0.0.1:1",), ()),
    "board serve": ((), ("--key", "FILE")),
    "board trust": (("127.0.0.1:1",), ("--yes",)),
    "claims": (("FILE",), ("--dry-run",)),
    "compare": (("none", "none"), ()),
    "doctor": ((), ()),
    "export": (("FILE",), ("--dry-run",)),
    "inspect": (("none",), ("--runner", "venv")),
    "search": (("none",), ("--runner", "venv")),
    "plan": (("FILE",), ()),
    "report": (("FILE",), ("--dry-run",)),
    "run": (("FILE",), ("--dry-run",)),
    "store gc": (("FILE",), ("--dry-run",)),
    "store ls": ((), ()),
    "store show": (("00",), ()),
    "store verify": ((), ()),
    "verify": (("none",), ()),
    "why": (("none", "none"), ("--file", "FILE")),
}


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


PLACES = {
    path: [one.name for one in command.params if isinstance(one, click.Argument)]
    for path, command in commands(cli)
}


def parameters() -> Iterator[Any]:
    """Every argument of every command, and every option once, where it costs least."""
    seen: set[tuple[str, ...]] = set()
    for path, command in sorted(commands(cli), key=lambda found: found[0] != "plan"):
        for parameter in command.params:
            takes_value = not getattr(parameter, "is_flag", False)
            if takes_value and tuple(parameter.opts) not in seen:
                yield pytest.param(path, parameter, id=f"{path} {parameter.name}")
            if isinstance(parameter, click.Option):
                seen.add(tuple(parameter.opts))


@pytest.mark.parametrize(("command", "parameter"), list(parameters()))
def test_any_word_of_any_option(
    grid_file: Path,
    bench: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    parameter: click.Parameter,
) -> None:
    monkeypatch.chdir(grid_file.parent)
    monkeypatch.setenv("BENCH_STORE", str(grid_file.parent / "store"))
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    given, options = NEEDS[command]
    for word in PATHS if isinstance(parameter.type, click.Path) else WORDS:
        arguments, extra = list(given), list(options)
        if isinstance(parameter, click.Option):
            extra += [parameter.opts[0], word]
        else:
            place = PLACES[command].index(parameter.name)
            arguments[place : place + 1] = [word]
        words = [w.replace("FILE", str(grid_file)) for w in (*extra, "--", *arguments)]
        code, said = bench(*command.split(), *words)
        case = f"bench {command} {words}: {code}\n{said}"
        assert code != Exit.BUG, case
        assert said.replace("\n", "").isprintable(), case
