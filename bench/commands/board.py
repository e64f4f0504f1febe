"""`bench board`: trust, probe or emulate a board."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import click
from rich.text import Text

from bench.boards import MEASURED_ON
from bench.boards.base import Address, Identity
from bench.boards.checks import Check, check_board
from bench.boards.contained import ContainedBoard, contained
from bench.boards.emulated import listening_socket, serve, temporary_home
from bench.boards.link import Limits, open_link
from bench.boards.login import address_of
from bench.boards.pool import Remote, parse_target
from bench.boards.trust import known_hosts_file, offered_key, require_writable, trust, trusted_key
from bench.console.checks import show_check
from bench.console.progress import make_view
from bench.console.terminal import Terminal, output, say
from bench.errors import BoardError, ConfigError
from bench.flows import board_parts
from bench.images.base import images_folder
from bench.paths import default_store
from bench.runners.docker import DockerRunner
from bench.runners.limits import Limits as StageLimits
from bench.session.kinds import PathKind
from bench.session.options import dry_run_option
from bench.session.runners import available_cpus

FOREVER = StageLimits(seconds=math.inf)
COLOURS = {"ok": "green", "missing": "red", "note": "yellow"}


@click.group("board")
def command() -> None:
    """Trust a board, show what it has and lacks, or emulate one.

    \b
    Examples:
      bench board trust 192.168.2.99
      bench board probe xilinx@192.168.2.99
      bench run experiments/quick.toml --board xilinx@192.168.2.99
    """


@command.command("trust")
@click.argument("host")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts on a network that you trust.")
@click.option("--fingerprint", help="Trust the key only if it has this fingerprint (SHA256:...).")
@dry_run_option
def trust_host(host: str, yes: bool, fingerprint: str | None, dry_run: bool) -> None:
    """Show the fingerprint of HOST's key, and trust that key from now on.

    Compare it with what the board's own console shows:
    ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub

    \b
    Examples:
      bench board trust 192.168.2.99
      bench board trust board.example:2222 --fingerprint SHA256:...
    """
    target = parse_target(host)
    key = asyncio.run(offered_key(target.host, target.port, Limits().connect))
    shown = key.get_fingerprint()
    say(f"{target.host}:{target.port} shows the {key.get_algorithm()} key {shown}")
    if fingerprint is not None and fingerprint != shown:
        raise BoardError(
            f"That is not the key {fingerprint}; it is not trusted.",
            "Another machine may be answering at that address.",
        )
    trusted = trusted_key(target.host, target.port)
    if trusted == key:
        say("It is trusted already.")
        return
    if trusted is not None:
        say(f"WARNING: until now another key was trusted: {trusted.get_fingerprint()}.")
        say("Either the board was set up again, or another machine is answering in its place.")
    if dry_run:
        require_writable()
        say(f"would be trusted, and written to {known_hosts_file()}")
        return
    if not yes and fingerprint is None:
        click.confirm("Trust it from now on?", abort=True)
    say(f"trusted; written to {trust(target.host, target.port, key)}")


@command.command("probe")
@click.argument("target")
@click.option("--key", default="", help="Private key file; else the usual ones and the agent's.")
def probe(target: str, key: str) -> None:
    """Say what the board at TARGET (user@host) is, what it has, and what is missing.

    \b
    Examples:
      bench board probe xilinx@192.168.2.99
    """
    board = parse_target(target)
    address = address_of(Remote(board.name, board.host, board.port, board.user, key))
    log: list[str] = []

    async def look() -> list[Check]:
        async with open_link(address, log.append) as link:
            return await check_board(link)

    console = output(120)
    for check in asyncio.run(look()):
        state = Text(check.state, COLOURS[check.state])
        show_check(console, check.name, state, check.detail, {"what to do": check.remedy})


@command.command("serve")
@click.option("--board", default="Pynq-Z1", show_default=True, help="Which board to emulate.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=2222,
    show_default=True,
    help="Where to listen, on loopback; 0 for any free port.",
)
@click.option(
    "--key",
    type=PathKind(exists=True, dir_okay=False),
    required=True,
    help="Public key file of who may log in.",
)
@click.option(
    "--runner",
    type=click.Choice(["venv", "docker"]),
    default="venv",
    show_default=True,
    help="An SSH server in this process, or OpenSSH's in a container.",
)
def serve_board(board: str, port: int, key: Path, runner: str) -> None:
    """Emulate a board until interrupted, to try everything without a real one.

    \b
    Examples:
      bench board serve --key ~/.ssh/id_ed25519.pub
      bench board serve --key ~/.ssh/id_ed25519.pub --runner docker
      bench board trust 127.0.0.1:2222      (in another terminal, as is the next)
      bench board probe 127.0.0.1:2222
    """
    parts = board_parts()
    if board not in parts:
        raise ConfigError(f"'{board}' is not known.", f"Valid: {', '.join(sorted(parts))}.")
    try:
        public = asyncssh.read_public_key(key)
    except asyncssh.KeyImportError as error:
        raise ConfigError(f"{key}: {error}.", "Name a public key file.") from None
    identity = Identity(board=board, part=parts[board], measured_on=MEASURED_ON)

    def tell(address: Address) -> None:
        shown = address.host_key.get_fingerprint()
        say(f"an emulated {board} answers at {address}, host key {shown}")

    if runner == "docker":
        listening_socket(port).close()  # an engine would report a used port less clearly
        wanted = ContainedBoard(identity, public, available_cpus(), FOREVER, port)
        with _in_container(wanted) as address:
            tell(address)
            threading.Event().wait()

    async def forever() -> None:
        with temporary_home(identity) as home:
            async with serve(home, public, port) as address:
                tell(address)
                await asyncio.Event().wait()

    asyncio.run(forever())


@contextmanager
def _in_container(wanted: ContainedBoard) -> Iterator[Address]:
    """A board in a container; its image is built first if it is missing."""
    never = threading.Event()
    runner = DockerRunner(images_folder(default_store()))
    runner.prepare_base(say, never)
    with make_view(Terminal()) as view:
        image = runner.image("board", view.show, never)
    with contained(image, wanted, lambda _: None, never) as address:
        yield address
