"""Set mapped resources beside published ones of Vivado's, and write the page that shows both.

Usage: python tools/calibrate.py map SOURCE --name NAME [--part PART] [--library FOLDER]
       python tools/calibrate.py page [--check]

`map` takes a checkout of a repository with a FINN build in it, Vivado's reports included, or a CSV
file of single layers (docker/finn/finn_worker/calibration/singles.py says which columns), such as
one that it has written itself, and maps every layer of it with the finn environment. It writes
bench/flows/finn/calibration/published/NAME.csv. `page` writes docs/explanation/calibration.md from
those files, or checks that it is so.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import jinja2

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docker" / "common"), str(ROOT / "tools")]

import generated  # noqa: E402

from bench.flows.finn.calibration import page, published_pairs  # noqa: E402
from bench.flows.finn.calibration.pairs import PUBLISHED  # noqa: E402
from bench.paths import environments_folder  # noqa: E402

PAGE = ROOT / "docs" / "explanation" / "calibration.md"
TEMPLATE = PAGE.with_suffix(".md.j2")
WORKERS = ("docker/common", "docker/finn")


def main() -> int:
    """Do what the command line says; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    mapping = commands.add_parser("map")
    mapping.add_argument("source", type=Path)
    mapping.add_argument("--name", required=True, help="of the file of figures")
    mapping.add_argument("--part", help="that the figures of a CSV file are for")
    mapping.add_argument("--library", type=Path, help="Verilog of the FINN that made the figures")
    mapping.add_argument("--only", help="kinds of layers, separated by commas")
    mapping.add_argument("--store", type=Path, default=ROOT / "artifacts")
    writing = commands.add_parser("page")
    writing.add_argument("--check", action="store_true", help="change nothing, fail on differences")
    options = parser.parse_args()
    return _map(options) if options.command == "map" else _page(check=options.check)


def _map(options: argparse.Namespace) -> int:
    folder = environments_folder(options.store)
    pythons = sorted(folder.glob("finn--*/bin/python"), key=lambda path: path.stat().st_mtime)
    if not pythons:
        print(f"error: there is no finn environment in {folder}.", file=sys.stderr)
        print("what to do: run `make reproduce` or `tox -e sim` once, or --store", file=sys.stderr)
        return 3
    if not re.fullmatch(r"[\w-]+", options.name):
        print(f"error: --name '{options.name}' has more than letters and digits.", file=sys.stderr)
        return 2
    output = PUBLISHED / f"{options.name}.csv"
    command = [str(pythons[-1]), "-m", "finn_worker.calibration", str(options.source)]
    command += ["--output", str(output), "--cache", str(options.store / "cache" / "mapped")]
    for name in ("part", "library", "only"):
        if (value := getattr(options, name)) is not None:
            command += [f"--{name}", str(value)]
    workers = os.pathsep.join(str(ROOT / worker) for worker in WORKERS)
    variables = {**os.environ, "PYTHONPATH": workers}
    return subprocess.run(command, env=variables, check=False).returncode


def _page(*, check: bool) -> int:
    return generated.update({PAGE: render()}, check=check)


def render() -> str:
    """The page, with tables of the figures."""
    template = jinja2.Template(
        TEMPLATE.read_text(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    pairs = published_pairs()
    return template.render(summary=page.summary(pairs), layers=page.layers(pairs))


if __name__ == "__main__":
    sys.exit(main())
