"""A network that a Python file beside the grid builds; bench reads the file, and never runs it."""

from __future__ import annotations

from pathlib import Path

from bench.console.text import excerpt
from bench.errors import ConfigError, did_you_mean
from bench.input.names import require_name
from bench.input.reading import UnreadableFile, read_text
from bench.networks.model import Defaults, Network
from contract.code import LARGEST_CODE, Code, CodeError

DEFAULTS = Defaults(image_size=0)
"""Nothing is known of the images that it was made for: they stay as they are."""


def is_own(name: str) -> bool:
    """Whether a grid's `network` is a file's: `my_net.py:build`."""
    return ":" in name or name.endswith(".py")


def read(where: str, folder: Path, name: str) -> Network:
    """The network `name`, of a file in `folder`; it is called as the file is.

    Args:
        where: The key that names it; begins the message.
        folder: That of the grid.
        name: As the grid has it.

    Raises:
        ConfigError: There is no such file or function, or the function cannot be called.
    """
    file, _, function = name.rpartition(":")
    if not file.endswith(".py") or not function.isidentifier():
        raise ConfigError(
            f"{where} = '{name}' is neither a network nor a file and its function.",
            "Write the function after the file, as in my_net.py:build.",
        )
    path = folder / file
    require_name(f"{where}, the name of {path.name}", path.stem)
    try:
        text = read_text(path, "Python", LARGEST_CODE)
        code = Code(file=path.name, text=text, function=function)
        code.parameters()
    except UnreadableFile as error:
        raise ConfigError(f"{where}: {error.what}", error.remedy) from None
    except CodeError as error:
        names = did_you_mean(error.wrong, error.names) if error.names else ""
        raise ConfigError(f"{where}: {excerpt(error.what, 300)}", error.remedy or names) from None
    return Network(name=path.stem, architecture=None, defaults=DEFAULTS, code=code)
