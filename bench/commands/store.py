"""`bench store`: look at the artifacts, check them, clean up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bench.console.tables import Column, Table
from bench.console.terminal import output, say
from bench.console.text import counted, excerpt
from bench.errors import ConfigError, StoreError
from bench.session.lazy import LazyGroup
from bench.session.options import store_option
from bench.store import Broken, Entry, Store
from bench.store.keys import SHORT
from bench.store.listing import Listed, listing

HEADINGS = ("key", "stage", "name", "status", "MB", "seconds", "made")
NUMBERS = ("MB", "seconds")
# They may be broken; in the place of when it was made stands why something cannot be read.
WRAPPED = ("name", "made")
LONGEST = 300
MOST_DRAWN = 1000


@click.group("store", cls=LazyGroup, modules={"gc": "bench.commands.gc"})
def command() -> None:
    """List, show, verify or clean up the artifacts in the store.

    \b
    Examples:
      bench store ls
      bench store show 3f2a
      bench store verify
      bench store gc --dry-run
    """


@command.command("ls")
@store_option
def list_entries(store_path: Path) -> None:
    """List every artifact: key, stage, name, status, size, age.

    \b
    Examples:
      bench store ls
    """
    items = list(listing(opened(store_path).root))
    if not items:
        say(f"There are no artifacts in {store_path}.")
        return
    if sys.stdout.isatty() and len(items) <= MOST_DRAWN:
        _drawn(items).show(output())
    else:
        say(_table([HEADINGS, *map(_row, items)]))
    require_readable([item for item in items if isinstance(item, Broken)])


@command.command("show")
@click.argument("key")
@store_option
def show(key: str, store_path: Path) -> None:
    """Show the manifest of the artifact whose key starts with KEY.

    \b
    Examples:
      bench store show 3f2a
    """
    items = list(opened(store_path).survey())
    matches = [item for item in items if _key(item).startswith(key)]
    if len(matches) != 1:
        require_readable(items)  # it may be among those
        number = counted(len(matches), "artifact has", "artifacts have")
        number = number if matches else "no artifact has"
        raise ConfigError(f"{number} a key starting with '{key}'.", "`bench store ls` lists keys.")
    if isinstance(matches[0], Broken):
        raise matches[0].error
    say(f"{matches[0].folder}\n{matches[0].manifest.dumps().rstrip()}")
    require_readable(items)


@command.command("verify")
@store_option
def verify(store_path: Path) -> None:
    """Hash every file of every artifact and compare with the manifests.

    \b
    Examples:
      bench store verify
    """
    checked, damaged = 0, 0
    broken: list[Broken] = []
    for item in opened(store_path).survey():
        checked += 1
        damages = _checked(item)
        if isinstance(damages, Broken):
            broken.append(damages)
            continue
        damaged += bool(damages)
        for damage in damages:
            say(f"damaged {_place(item)}: {damage}")
    for item in broken:
        say(f"{item.state} {_place(item)}: {item.reason}")
    damaged += sum(item.damaged for item in broken)
    if damaged:
        every = counted(checked, "artifact")
        what = counted(damaged, f"of {every} is damaged.", f"of {every} are damaged.")
        require_readable(broken, note=what)
        raise StoreError(what, "`bench run FILE` makes damaged artifacts again.")
    require_readable(broken)
    if checked:
        say(f"{counted(checked, 'artifact')}, every file as its manifest says.")
    else:
        say(f"There are no artifacts in {store_path}.")


def opened(store_path: Path) -> Store:
    """The store, which has to exist.

    Raises:
        StoreError: It does not, or cannot be read.
    """
    store = Store(store_path)
    store.require()
    return store


def require_readable(items: Sequence[Entry | Broken], note: str = "") -> None:
    """At the end of a command: fail if something could not be read.

    Args:
        items: What a store holds.
        note: Added to the error.

    Raises:
        StoreError: Something could not be read.
    """
    unreadable = [item for item in items if isinstance(item, Broken) and not item.damaged]
    if unreadable:
        first = unreadable[0].error
        error = StoreError(
            counted(len(unreadable), "artifact or folder", "artifacts or folders")
            + f" of them cannot be read, such as {first.what}",
            first.remedy,
        )
        if note:
            error.add_note(note)
        raise error


def _checked(item: Entry | Broken) -> list[str] | Broken:
    """The damage to an artifact's files, or why there is no artifact."""
    if isinstance(item, Broken):
        return item
    try:
        return item.damage()
    except StoreError as error:
        return Broken(item.folder, error)


def _row(item: Listed | Broken) -> tuple[str, ...]:
    if isinstance(item, Broken):
        name = item.folder.name.rpartition("--")[0] or item.folder.name
        return _key(item), item.folder.parent.name, name, item.state, "", "", item.reason
    size, seconds = f"{item.bytes / 1e6:.1f}", f"{item.seconds:.1f}"
    return item.key[:SHORT], item.stage, item.name, item.status, size, seconds, item.made


def _key(item: Entry | Broken) -> str:
    """The key, or as much of it as the folder's name holds."""
    if isinstance(item, Entry):
        return item.manifest.key
    _, _, key = item.folder.name.rpartition("--")
    return key if key != item.folder.name else ""


def _place(item: Entry | Broken) -> str:
    return excerpt(f"{item.folder.parent.name}/{item.folder.name}", LONGEST)


def _drawn(items: Sequence[Listed | Broken]) -> Table:
    """A table that fits a terminal."""
    columns = [
        Column(heading=name, numeric=name in NUMBERS, wraps=name in WRAPPED) for name in HEADINGS
    ]
    table = Table(columns)
    for item in items:
        *cells, made = _row(item)
        if not isinstance(item, Broken):
            made = made[:16].replace("T", " ")
        table.add(*(excerpt(cell, LONGEST) for cell in (*cells, made)))
    return table


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, headings first; for ten thousand rows, Rich is too slow."""
    columns = [[excerpt(cell, LONGEST) for cell in column] for column in zip(*rows, strict=True)]
    aligned = []
    for column in columns:
        width = max(map(len, column))
        right = column[0] in NUMBERS
        aligned.append([cell.rjust(width) if right else cell.ljust(width) for cell in column])
    return "\n".join("  ".join(row).rstrip() for row in zip(*aligned, strict=True))
