"""The commands of `bench` by name, each imported when it is called.

Importing all of them, with pandas and SSH, would take most of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

# The first sentence of each command's docstring, as `bench --help` shows it.
SUMMARIES = {
    "board": "Trust a board, show what it has and lacks, or emulate one.",
    "claims": "Judge the paper's claims on the results of FILE in the store; runs no stage.",
    "compare": "Compare A with B: two stores, two report folders, or two results.csv.",
    "doctor": "Say what this machine has, what is missing, and what that costs.",
    "export": "Pack the report of FILE, its manifests and chosen artifacts into one archive.",
    "inspect": "Show what WHAT is in hardware, without training it.",
    "plan": "Show what `bench run FILE` would do, and the time, memory and disk that it takes.",
    "report": "Write and show the results of FILE from the store; runs nothing.",
    "run": "Run the experiments of FILE: whatever is not in the store yet is made now.",
    "search": "Search the best designs of WHAT that fit a board, without training it.",
    "store": "List, show, verify or clean up the artifacts in the store.",
    "verify": "Check ARCHIVE, written by `bench export`, or a folder that one was unpacked into.",
    "why": "Show everything behind ROW, or behind the number in its COLUMN.",
}


class LazyGroup(click.Group):
    """See `click.Group`.

    Args:
        modules: The module of each command, in which it is called `command`.
    """

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(self._modules[cmd_name]).command
        return command


class Commands(LazyGroup):
    """A group whose commands are the modules of `bench.commands`."""

    def __init__(self, *arguments: Any, **others: Any) -> None:
        modules = {name: f"bench.commands.{name}" for name in SUMMARIES}
        super().__init__(*arguments, modules=modules, **others)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(SUMMARIES)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """See `click.Group`; as it does, but without the commands themselves."""
        room = formatter.width - max(map(len, SUMMARIES)) - 6
        with formatter.section("Commands"):
            commands = {name: click.Command(None, help=text) for name, text in SUMMARIES.items()}
            formatter.write_dl([(n, c.get_short_help_str(room)) for n, c in commands.items()])
