"""Regenerate every lock from its short `.in` file with `uv pip compile`, or check that they agree.

Usage: python tools/lock.py [--check] [--upgrade]

The train and the finn environment are resolved together first, so that a model is written and
read by the same onnx; each lock then takes its versions from that common resolution. What only a
CUDA build of torch needs goes into a lock of its own.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
HOST_LOCK = ROOT / "requirements" / "host.lock"
DEV_LOCK = ROOT / "requirements" / "dev.lock"
CUDA_LOCK = DOCKER / "common" / "cuda.lock"
CONSTRAINTS = DOCKER / "common" / "constraints.txt"
FINN_PLUS = DOCKER / "finn" / "finn-plus"
ENVIRONMENTS = ("train", "finn")
PYTHON = "3.11"

# Packages that only a CUDA build of torch needs.
CUDA_ONLY = re.compile(r"^(nvidia-|cuda-|triton==)")

# Builds of torch for processors only are published outside the package index that the lock is
# made from, under the same version; their hashes have to be listed beside it. (Python 3.11,
# Linux, x86-64.)
CPU_TORCH_HASHES = {
    "2.13.0": ("6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",),
}


def main() -> int:
    """Write the locks, or with `--check` say which ones differ; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail on differences")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    options = parser.parse_args()
    before = {path: path.read_text() for path in _locks() if path.exists()}
    if options.upgrade:
        for path in before:
            path.unlink()
    _write_locks()
    changed = [path for path in _locks() if before.get(path) != path.read_text()]
    for path in changed:
        print(f"{'differs from' if options.check else 'regenerated'}: {path.relative_to(ROOT)}")
        if options.check and path in before:
            path.write_text(before[path])
    return 1 if options.check and changed else 0


def _locks() -> list[Path]:
    environments = [DOCKER / name / "requirements.lock" for name in ENVIRONMENTS]
    finn_plus = FINN_PLUS.with_suffix(".lock")
    return [HOST_LOCK, DEV_LOCK, CONSTRAINTS, *environments, finn_plus, CUDA_LOCK]


def _write_locks() -> None:
    project = [ROOT / "pyproject.toml"]
    _compile(project, HOST_LOCK, "--group", "install")
    _compile(project, DEV_LOCK, "--group", "dev", "--constraint", str(HOST_LOCK.relative_to(ROOT)))
    inputs = [DOCKER / name / "requirements.in" for name in ENVIRONMENTS]
    _compile(inputs, CONSTRAINTS, hashes=False)
    _compile([FINN_PLUS.with_suffix(".in")], FINN_PLUS.with_suffix(".lock"), "--no-deps")
    cuda: dict[str, str] = {}
    for name, source in zip(ENVIRONMENTS, inputs, strict=True):
        lock = DOCKER / name / "requirements.lock"
        _compile([source], lock, "--constraint", str(CONSTRAINTS.relative_to(ROOT)))
        header, pins = _split(lock.read_text())
        cuda.update({pin: text for pin, text in pins.items() if CUDA_ONLY.match(pin)})
        rest = [text for pin, text in pins.items() if not CUDA_ONLY.match(pin)]
        lock.write_text(header + "".join(_with_cpu_torch(text) for text in rest))
    CUDA_LOCK.write_text(
        "# What a CUDA build of torch needs besides requirements.lock; made by tools/lock.py.\n"
        + "".join(cuda[pin] for pin in sorted(cuda))
    )


def _compile(sources: list[Path], lock: Path, *options: str, hashes: bool = True) -> None:
    """Resolve `sources` into `lock`, keeping the versions that `lock` has where they still fit."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lock.txt"
        if lock.exists():
            output.write_text(_merge_cuda(lock))
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal",
            "--python-version", PYTHON, "--no-header", "--no-annotate",
            *(["--generate-hashes"] if hashes else []), *options,
            *(str(source.relative_to(ROOT)) for source in sources), "--output-file", str(output),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)
        lock.write_text("# Made by tools/lock.py (make lock); do not edit.\n" + output.read_text())


def _merge_cuda(lock: Path) -> str:
    """The lock as it was resolved: with the CUDA packages that were moved out of it."""
    cuda = CUDA_LOCK.read_text() if CUDA_LOCK.exists() and lock.parent.name in ENVIRONMENTS else ""
    return lock.read_text() + cuda


def _split(text: str) -> tuple[str, dict[str, str]]:
    """The header of a lock, and its entries by their first line."""
    parts = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)
    return parts[0], {part.splitlines()[0]: part for part in parts[1:]}


def _with_cpu_torch(entry: str) -> str:
    found = re.match(r"torch==([^ ;]+)", entry)
    if not found:
        return entry
    first, *listed = (line.rstrip(" \\") for line in entry.splitlines())
    hashes = {*listed, *(f"    --hash=sha256:{value}" for value in CPU_TORCH_HASHES[found[1]])}
    return " \\\n".join([first, *sorted(hashes)]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
