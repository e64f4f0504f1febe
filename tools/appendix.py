"""Write docs/artifact-appendix.md from its template and docs/measured.json, or check that it is so.

Usage: python tools/appendix.py [--check] [--measure STORE]

No number in the appendix is written by hand: `--measure` takes them from a store that had its
environments, nothing else, when `experiments/quick.toml` was run in it.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import generated
import jinja2

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "docs" / "artifact-appendix.md.j2"
PAGE = ROOT / "docs" / "artifact-appendix.md"
MEASURED = ROOT / "docs" / "measured.json"
GRID = "quick"
COLUMNS = (
    "weight_bits", "act_bits", "folding", "accuracy", "bit_exact", "ii_simulated", "fps_core",
    "fps_measured", "lut_mapped", "bram18_mapped", "dsp_mapped", "fits",
)  # fmt: skip
CLAIM = ("claim", "title", "verdict", "reason")
BUSY = 1.5  # load per processor from which other work was in the way; the run's own is 1


def main() -> int:
    """Do what the command line says; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail on differences")
    parser.add_argument("--measure", type=Path, metavar="STORE", help="take the numbers from there")
    options = parser.parse_args()
    if options.measure:
        MEASURED.write_text(json.dumps(measure(options.measure), indent=1) + "\n")
    page = render(json.loads(MEASURED.read_text()))
    return generated.update({PAGE: page}, check=options.check)


def measure(store: Path) -> dict[str, Any]:
    """Every number that the appendix needs, unrounded, from a store and its report."""
    report = store / "reports" / GRID
    timing = json.loads((report / "timing.json").read_text())
    clock = timing[-1]
    manifests = [json.loads(path.read_text()) for path in store.glob("*/*--*/manifest.json")]
    artifacts = sum(file["bytes"] for manifest in manifests for file in manifest["artifacts"])
    environments = {path.name.split("--")[0]: path for path in store.glob("environments/*--*/")}
    return {
        "date": clock["date"][:10],
        "machine": clock["machine"],
        "load": clock["load"],
        "jobs": clock["jobs"],
        "setup_seconds": {
            name: json.loads((path / "ready.json").read_text())["seconds"]
            for name, path in sorted(environments.items())
        },
        "environment_bytes": {n: _size(path) for n, path in sorted(environments.items())},
        "artifact_bytes": artifacts,
        "cache_bytes": _size(store / "cache"),
        "peak_memory_bytes": max(manifest["peak_memory_bytes"] for manifest in manifests),
        "wall_seconds": clock["actual_seconds"],
        "stages": [
            {name: row[name] for name in ("stage", "tasks", "actual_seconds")}
            for row in timing[:-2]  # the totals follow
        ],
        "results": _results(report / "results.csv"),
        "claims": _claims(report / "claims.json"),
    }


def _results(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return [{name: row[name] for name in COLUMNS} for row in csv.DictReader(file)]


def _claims(path: Path) -> list[dict[str, str]]:
    data = json.loads(path.read_text())
    return [{name: claim[name] for name in CLAIM} for claim in data["claims"]]


def _size(folder: Path) -> int:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def render(measured: dict[str, Any]) -> str:
    """The page, with numbers for people."""
    template = jinja2.Template(
        TEMPLATE.read_text(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    setup = measured["setup_seconds"]
    load = measured["load"]
    processors = int(measured["machine"].split(" processors")[0].split()[-1])
    busy = f", which other work kept busy (load {load:.0f})" if load > BUSY * processors else ""
    cuda = " (4.5 GB more with the CUDA build of torch)"
    return template.render(
        grid=GRID,
        machine={"date": measured["date"], "what": measured["machine"], "load": busy},
        disk={
            "environments": _bytes(sum(measured["environment_bytes"].values())),
            "store": _bytes(measured["artifact_bytes"] + measured["cache_bytes"]),
            "note": cuda if measured["environment_bytes"]["train"] < 3e9 else "",
        },
        memory=_bytes(measured["peak_memory_bytes"]),
        setup={
            "total": _minutes(sum(setup.values())),
            "parts": ", ".join(f"{name} {seconds:.0f} s" for name, seconds in setup.items()),
        },
        run={
            "wall": _minutes(measured["wall_seconds"]),
            "total": _minutes(measured["wall_seconds"] + sum(setup.values())),
            "jobs": measured["jobs"],
            "experiments": len(measured["results"]),
            "stages": [
                {**stage, "seconds": f"{stage['actual_seconds']:.0f}"}
                for stage in measured["stages"]
            ],
        },
        rows=[_row(row) for row in measured["results"]],
        claims=measured["claims"],
        verdicts={claim["claim"]: claim["verdict"] for claim in measured["claims"]},
    )


def _row(row: dict[str, str]) -> list[str]:
    name = f"w{row['weight_bits']}a{row['act_bits']} {row['folding']}"
    numbers = [f"{float(row[n]):,.0f}" for n in COLUMNS[5:11]]
    yes = {"True": "yes", "False": "no"}
    return [
        name, f"{float(row['accuracy']):.2%}", yes[row["bit_exact"]], *numbers, yes[row["fits"]]
    ]  # fmt: skip


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} minutes"


def _bytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
