"""Fetch the model of experiments/own-model.toml: FINN+'s own example, for MNIST at 1 bit.

Usage: python tools/own_model.py

It is in FINN+'s package of tests, which requirements/peer.lock pins, and no part of this
repository.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from bench.system import pip_settings

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "peer.lock"
PACKAGE = "finn-plus-tests"
MEMBER = "tests/example_data/build_dataflow/model.onnx"
SHA256 = "1706b590920df2a73dc5f256725292b9a8640f904e0e0345547722b607dea6a0"
MODEL = ROOT / "experiments" / "tfc-w1a1.onnx"


def main() -> int:
    """Fetch it unless it is there; the exit status."""
    if MODEL.is_file() and hashlib.sha256(MODEL.read_bytes()).hexdigest() == SHA256:
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pinned = folder / "pinned.txt"
        pinned.write_text(entry(LOCK.read_text(), PACKAGE))
        if not _download(pinned, folder):
            print(f"error: {PACKAGE} was not fetched; pip says why above.", file=sys.stderr)
            print("what to do: see docs/how-to/offline.md, or put it in place:", file=sys.stderr)
            print(f"  {MEMBER} of its wheel as {MODEL}", file=sys.stderr)
            return 3
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(MEMBER)
    assert hashlib.sha256(content).hexdigest() == SHA256, "the wheel is pinned, the file is not it"
    MODEL.write_bytes(content)
    print(f"{MODEL.relative_to(ROOT)}: {len(content):,} bytes, from {wheel.name}")
    return 0


def entry(lock: str, package: str) -> str:
    """What a lock has of one package: its version and hashes."""
    found = re.search(rf"^{re.escape(package)}==.*(?:(?<=\\)\n.*)*", lock, re.MULTILINE)
    assert found, f"the lock pins no {package}"
    return f"{found[0]}\n"


def _download(pinned: Path, folder: Path) -> bool:
    """Let pip fetch the wheel, whatever the user's settings say of other versions."""
    settings = pip_settings.settings("download")
    options = (
        "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet",
        "--disable-pip-version-check", "--requirement", str(pinned), "--dest", str(folder),
    )  # fmt: skip
    variables = pip_settings.as_variables(settings, os.environ)
    command = (sys.executable, "-m", "pip", "download", *options)
    return subprocess.run(command, env=variables, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
