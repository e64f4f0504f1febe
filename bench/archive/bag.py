"""The parts of a BagIt bag (RFC 8493) that writer and reader share."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bench.errors import BenchError, Exit

BAGIT = "bagit.txt"
BAG_INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
TAGS = (BAGIT, BAG_INFO, MANIFEST, TAG_MANIFEST)
PAYLOAD = "data/"
DECLARATION = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

# Places in the payload.
POINTS = "data/points.json"
STORE = "data/store/"
REPORT = f"{STORE}reports/grid/"  # as deep as in a store, so that links from the page lead on
GRIDS = "data/experiments/"

# Raised when what `points.json` says changes its meaning.
FORMAT = 1

_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(.+)")
_ESCAPES = {"%": "%25", "\n": "%0A", "\r": "%0D"}


class ArchiveError(BenchError):
    """An archive cannot be read, or was not written by bench."""

    exit_code = Exit.DIFFERENT


def manifest_text(digests: Mapping[str, str]) -> str:
    """The lines of a manifest: SHA-256 and path of each file, sorted by path."""
    return "".join(f"{digests[name]}  {_escape(name)}\n" for name in sorted(digests))


def parse_manifest(text: str, where: str) -> dict[str, str]:
    """SHA-256 by path, from the `text` of the manifest called `where`.

    Raises:
        ArchiveError: A line is not a checksum.
    """
    digests = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            what = f"{where}: line {number} is not a checksum."
            raise ArchiveError(what, "Get the archive again.")
        digests[_unescape(match[2])] = match[1].lower()
    return digests


def _escape(name: str) -> str:
    return re.sub(r"[%\n\r]", lambda match: _ESCAPES[match[0]], name)


def _unescape(name: str) -> str:
    for character, escape in reversed(_ESCAPES.items()):
        name = name.replace(escape, character).replace(escape.lower(), character)
    return name
