"""A group whose commands are imported when they are called: some take a second to import."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """See `click.Group`.

    Args:
        modules: The module of each command, in which it is called `command`.
    """

    def __init__(self, *arguments: Any, modules: Mapping[str, str], **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group`."""
        return sorted({*super().list_commands(ctx), *self._modules})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group`."""
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        command: click.Command = import_module(self._modules[cmd_name]).command
        return command
