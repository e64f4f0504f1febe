"""The `bench` command line: runs the command, and explains errors."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from bench import __version__
from bench.console.terminal import Terminal, styled
from bench.console.text import with_short_lines
from bench.errors import EXIT_MEANING, BenchError, Exit, is_of_the_disk, store_error
from bench.session.lazy import Commands
from bench.system import interrupts
from bench.system.files import read_bytes

LOG_LINES = 15
EXIT_CODES = "\n".join(f"  {code.value:3}  {EXIT_MEANING[code]}" for code in Exit)


class Explainer:
    """Explains errors on standard error; with tracebacks if `debug`."""

    def __init__(self, debug: bool) -> None:
        self._debug = debug
        self._console = Terminal(stderr=True, soft_wrap=True)

    def explain(self, error: BenchError) -> None:
        """What happened, the end of the log, what to do, where the log is."""
        self._console.print(styled("[red bold]error:[/] {}", with_short_lines(error.what)))
        for note in getattr(error, "__notes__", ()):
            self._console.print(f"  {note}")
        for line in _tail(error):
            self._console.print(styled("  [dim]|[/] {}", with_short_lines(line)))
        if error.remedy:
            self._console.print(styled("[bold]what to do:[/] {}", error.remedy))
        if error.log:
            self._console.print(styled("[bold]log:[/] {}", error.log))
        if self._debug:
            traceback.print_exception(error)

    def explain_interrupt(self) -> None:
        """A signal ended the command."""
        self._console.print(interrupts.MESSAGE)
        if self._debug:
            traceback.print_exc()

    def explain_bug(self) -> None:
        """An exception that is not a `BenchError`."""
        traceback.print_exc()
        text = "this is a bug in bench. Please report it with the lines above"
        self._console.print(styled("[red bold]error:[/] {}; nothing in the store is lost.", text))


def _tail(error: BenchError) -> list[str]:
    """What to see of the error's log: its excerpt, or the last lines that do not repeat it."""
    if error.excerpt is not None:
        return error.excerpt.splitlines()
    if error.log is None:
        return []
    try:
        log = read_bytes(error.log).decode("utf-8", errors="replace")
    except OSError:
        return []
    return [] if log.startswith(error.what) else log.splitlines()[-LOG_LINES:]


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExit codes:\n" + EXIT_CODES,
)
@click.version_option(__version__, prog_name="bench")
@click.option("--debug", is_flag=True, help="Print tracebacks of errors.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Benchmark quantized neural networks on FPGAs, from training to a timed board.

    \b
    Examples:
      bench doctor                      what this machine has and lacks
      bench plan experiments/quick.toml what a run would do
      bench run experiments/quick.toml  do it, then report
    """
    interrupts.ready()  # the command has been imported
    context.obj = Explainer(debug)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (default: the process's own); the exit code."""
    explainer = Explainer("--debug" in (arguments or sys.argv))
    try:
        code = cli.main(args=arguments, standalone_mode=False)
    except BenchError as error:
        explainer.explain(error)
        return int(error.exit_code)
    except click.ClickException as error:
        error.show()
        return int(Exit.CONFIG)
    except (KeyboardInterrupt, Exception) as error:
        if isinstance(error, click.Abort) or interrupts.caused(error):  # Ctrl-D, or a signal
            interrupts.done()
            explainer.explain_interrupt()
            return interrupts.exit_code()
        if isinstance(error, OSError) and is_of_the_disk(error):
            explainer.explain(store_error(error, Path(os.fsdecode(error.filename))))
            return int(Exit.STORE)
        explainer.explain_bug()
        return int(Exit.BUG)
    return code if isinstance(code, int) else int(Exit.OK)
