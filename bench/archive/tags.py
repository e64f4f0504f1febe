"""The files of a bag beside its payload, written and checked."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version

from bench import __version__
from bench.archive import bag
from bench.console.text import excerpt
from bench.paths import ROOT
from bench.store.keys import canonical, hash_sources

ZENODO = ".zenodo.json"
# Copied into every archive.
PROJECT_FILES = ("CITATION.cff", "LICENSE")
_LIBRARIES = ("jinja2", "pandas", "rocrate")
_OXUM = "Payload-Oxum"


@cache
def renderer() -> str:
    """SHA-256 of bench's sources, the copied files, and the versions of the libraries."""
    libraries = [platform.python_version(), *(version(name) for name in _LIBRARIES)]
    sources = ["bench", *PROJECT_FILES]
    return hashlib.sha256(canonical([hash_sources(ROOT, sources), libraries])).hexdigest()


def tag_files(grid: str) -> dict[str, bytes]:
    """By name, what an archive of `grid` holds beside the files that BagIt asks for.

    Without its checkout, bench has no project files to compare with.
    """
    paths = {name: ROOT / name for name in PROJECT_FILES}
    files = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    return {**files, ZENODO: _zenodo(grid)}


def info_text(date: str, size: int, files: int) -> str:
    """The bag-info.txt for a payload of `files` with `size` bytes together."""
    return f"Bag-Software-Agent: finn-bench\nBagging-Date: {date}\n{_OXUM}: {_oxum(size, files)}\n"


def check_info(text: str, size: int, files: int) -> Iterator[str]:
    """What is wrong with bag-info.txt, given a payload of `files` with `size` bytes together."""
    lines = [line.partition(":") for line in text.splitlines()]
    said = [value.strip() for label, _, value in lines if label.strip().lower() == _OXUM.lower()]
    if not said:
        yield f"{bag.BAG_INFO} has no {_OXUM}"
    right = _oxum(size, files)
    for oxum in said:
        if oxum != right:
            yield f"{bag.BAG_INFO}: {_OXUM} is {excerpt(oxum, 40)}, the payload's is {right}"


def check_declaration(text: str) -> Iterator[str]:
    """What is wrong with bagit.txt."""
    if text.splitlines() != bag.DECLARATION.splitlines():
        yield f"{bag.BAGIT} is not the two lines that `bench export` writes"


def check_tag_files(
    grid: str, digests: Mapping[str, str], *, same_version: bool
) -> tuple[list[str], list[str]]:
    """What is wrong with the tag files of an archive, and what cannot be checked.

    Args:
        grid: The archive's.
        digests: SHA-256 of every file of the archive.
        same_version: Whether exactly this version wrote it.
    """
    wrong, unchecked = [], []
    wanted = tag_files(grid)
    for name in (*PROJECT_FILES, ZENODO):
        content = wanted.get(name)
        if name not in digests:
            wrong.append(f"{name} is missing")
        elif content is None:
            unchecked.append(f"{name}, as there is no copy here to compare it with")
        elif digests[name] != hashlib.sha256(content).hexdigest():
            if same_version:
                wrong.append(f"{name} is not what `bench export` writes")
            else:
                unchecked.append(f"{name}, which another version of bench wrote")
    expected = (*bag.TAGS, *PROJECT_FILES, ZENODO)
    unchecked += sorted(n for n in digests if not n.startswith(bag.PAYLOAD) and n not in expected)
    return wrong, unchecked


def _oxum(size: int, files: int) -> str:
    return f"{size}.{files}"


def _zenodo(grid: str) -> bytes:
    """What Zenodo fills its form with; authors and licence as in CITATION.cff."""
    metadata = {
        "title": f"finn-bench {__version__}: results of grid '{grid}'",
        "description": "Results, manifests and artifacts of a reproduction of 'Benchmarking "
        "Quantized Neural Networks on FPGAs with FINN'. `bench verify` checks this archive.",
        "upload_type": "dataset",
        "version": __version__,
        "license": "BSD-3-Clause",
        "creators": [{"name": "the finn-bench authors"}],
        "keywords": ["FPGA", "FINN", "quantized neural networks", "reproducibility"],
        "related_identifiers": [
            {"identifier": "arXiv:2102.01341", "relation": "isSupplementTo", "scheme": "arxiv"}
        ],
    }
    return (json.dumps(metadata, indent=1, sort_keys=True) + "\n").encode()
