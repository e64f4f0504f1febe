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
CLUSTER_LOCK = ROOT / "requirements" / "cluster.lock"
CRATE_LOCK = ROOT / "requirements" / "crate.lock"
PEER_LOCK = ROOT / "requirements" / "peer.lock"
TORCH_CPU_LOCK = DOCKER / "train" / "torch-cpu.lock"
TORCH_CUDA_LOCK = DOCKER / "train" / "torch-cuda.lock"
CONSTRAINTS = DOCKER / "common" / "constraints.txt"
FINN_PLUS = DOCKER / "finn" / "finn-plus"
ENVIRONMENTS = ("train", "finn")
PYTHON = "3.11"

# torch and what only its CUDA build needs.
TORCH = re.compile(r"^(torch==|nvidia-|cuda-|triton==)")

# Builds of torch for processors only are published outside the package index that the locks are
# made from, as `<version>+cpu`. Python version and hash (Linux, x86-64) of those we have seen.
CPU_TORCH = {
    "2.13.0": {"3.11": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"},
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
    return [
        HOST_LOCK,
        DEV_LOCK,
        CLUSTER_LOCK,
        CRATE_LOCK,
        PEER_LOCK,
        CONSTRAINTS,
        *environments,
        finn_plus,
        TORCH_CPU_LOCK,
        TORCH_CUDA_LOCK,
    ]


def _write_locks() -> None:
    project = [ROOT / "pyproject.toml"]
    _compile(project, HOST_LOCK, "--group", "install")
    as_host = ("--constraint", str(HOST_LOCK.relative_to(ROOT)))
    _compile(project, CLUSTER_LOCK, "--extra", "cluster", *as_host)
    as_cluster = ("--constraint", str(CLUSTER_LOCK.relative_to(ROOT)))
    _compile(project, DEV_LOCK, "--group", "dev", "--extra", "cluster", *as_cluster)
    _compile([CRATE_LOCK.with_suffix(".in")], CRATE_LOCK)
    _compile([PEER_LOCK.with_suffix(".in")], PEER_LOCK, "--no-deps")
    inputs = [DOCKER / name / "requirements.in" for name in ENVIRONMENTS]
    _compile(inputs, CONSTRAINTS, hashes=False)
    _compile([FINN_PLUS.with_suffix(".in")], FINN_PLUS.with_suffix(".lock"), "--no-deps")
    for name, source in zip(ENVIRONMENTS, inputs, strict=True):
        lock = DOCKER / name / "requirements.lock"
        _compile([source], lock, "--constraint", str(CONSTRAINTS.relative_to(ROOT)))
    _move_torch(DOCKER / "train" / "requirements.lock")


def _move_torch(lock: Path) -> None:
    """Move torch out of `lock`, into one lock for each of its builds."""
    header, pins = _split(lock.read_text())
    lock.write_text(header + "".join(text for pin, text in pins.items() if not TORCH.match(pin)))
    torch = [text for pin, text in pins.items() if TORCH.match(pin)]
    TORCH_CUDA_LOCK.write_text(header + "".join(torch))
    version = re.search(r"^torch==(\S+)", "".join(torch), re.MULTILINE)
    assert version, "the train environment has no torch"
    TORCH_CPU_LOCK.write_text(
        header
        + "".join(
            f"torch=={version[1]}+cpu ; python_version == '{python}' "
            "and platform_machine == 'x86_64' and sys_platform == 'linux' \\\n"
            f"    --hash=sha256:{digest}\n"
            for python, digest in CPU_TORCH[version[1]].items()
        )
    )


def _compile(sources: list[Path], lock: Path, *options: str, hashes: bool = True) -> None:
    """Resolve `sources` into `lock`, keeping the versions that `lock` has where they still fit."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "lock.txt"
        if lock.exists():
            output.write_text(_as_resolved(lock))
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal",
            "--python-version", PYTHON, "--no-header", "--no-annotate",
            *(["--generate-hashes"] if hashes else []), *options,
            *(str(source.relative_to(ROOT)) for source in sources), "--output-file", str(output),
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True)
        lock.write_text("# Made by tools/lock.py (make lock); do not edit.\n" + output.read_text())


def _as_resolved(lock: Path) -> str:
    """The lock as it was resolved: with torch, which was moved out of it."""
    moved = TORCH_CUDA_LOCK if lock.parent == TORCH_CUDA_LOCK.parent else None
    return lock.read_text() + (moved.read_text() if moved and moved.exists() else "")


def _split(text: str) -> tuple[str, dict[str, str]]:
    """The header of a lock, and its entries by their first line."""
    parts = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)
    return parts[0], {part.splitlines()[0]: part for part in parts[1:]}


if __name__ == "__main__":
    sys.exit(main())
