"""`bench verify`: check an archive on any machine; needs no store."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench import archive
from bench.console.terminal import Terminal, styled
from bench.console.text import counted
from bench.errors import Exit
from bench.session.kinds import PathKind

SHOWN = 50
UNCHECKED = (
    "drawings (SVG, PNG, and in index.html); the CSV file of each is",
    "timing.json and verdicts.json, which describe past runs and reports",
    "the experiment files, except claims.toml",
    "bag-info.txt, except its Payload-Oxum",
    "whether a stage really wrote the metrics that its manifest names: repeat the run",
)


@click.command("verify")
@click.argument("path", metavar="ARCHIVE", type=PathKind())
@click.pass_context
def command(context: click.Context, path: Path) -> None:
    """Check ARCHIVE, written by `bench export`, or a folder that one was unpacked into.

    Every file has the SHA-256 that the archive states, and every manifest fits its inputs. Tables,
    text and claims of the report are made again from the manifests, which reveals a number changed
    by hand even if the checksums were changed, too. What is not checked is listed. Exit code 0, 8
    if something is wrong, or 2 for what is no archive.

    \b
    Examples:
      bench verify quick.tar.gz
    """
    console = Terminal(soft_wrap=True, no_color=not sys.stdout.isatty())
    checked = archive.verify(path)
    for finding in checked.findings[:SHOWN]:
        console.print(f"wrong: {finding}")
    if len(checked.findings) > SHOWN:
        console.print(f"... and {len(checked.findings) - SHOWN} more")
    console.print(
        f"{path}: grid '{checked.grid}', written by bench {checked.bench}; "
        f"{counted(checked.files, 'checksum')}, {counted(checked.manifests, 'manifest')}, "
        f"{counted(checked.values, 'value')} computed again"
    )
    for name in (*UNCHECKED, *checked.unchecked):
        console.print(f"not checked: {name}")
    if checked.wrong:
        rows = counted(len(checked.wrong), "row is", "rows are")
        names = ", ".join(checked.wrong)
        console.print(
            f"{rows} wrong: {names} (computes something else than the trained model)", style="red"
        )
    if checked.findings:
        wrong = counted(len(checked.findings), "thing is", "things are")
        console.print(styled("[red]{} wrong: do not trust it.[/]", wrong))
        context.exit(int(Exit.DIFFERENT))
    console.print("everything is correct")
