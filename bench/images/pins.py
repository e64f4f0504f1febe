"""Read docker/base/pins.toml, which says what every image starts from, and refresh its digest."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from bench.errors import EnvironmentFailure
from bench.images.engine import engine
from bench.paths import ROOT
from bench.system.files import write_atomic

PINS = ROOT / "docker" / "base" / "pins.toml"
_DIGEST_LINE = re.compile(r'^digest = ".*"$', re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Pins:
    """The base of every image.

    Attributes:
        digest: Its digest; None until it is read from a registry.
        suite: Debian suite of the base built locally.
        packages: Debian packages in it, besides the minimum.
        epoch: Latest time stamp in it, seconds since 1970; later times are set to it.
    """

    image: str
    digest: str | None
    suite: str
    packages: tuple[str, ...]
    epoch: int

    @property
    def reference(self) -> str | None:
        """The published base by digest, if it has a digest."""
        return f"{self.image}@{self.digest}" if self.digest else None


def load(path: Path = PINS) -> Pins:
    """The pins in `path`."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    image, debian = data["image"], data["debian"]
    packages = tuple(debian["packages"])
    digest = image["digest"] or None
    return Pins(image["name"], digest, debian["suite"], packages, debian["epoch"])


def refresh(path: Path = PINS) -> str:
    """Write the digest that `ask` returns into `path`, which stays as it is if that fails."""
    digest = ask(path)
    text = path.read_text(encoding="utf-8")
    write_atomic(path, _DIGEST_LINE.sub(f'digest = "{digest}"', text))
    return digest


def ask(path: Path = PINS) -> str:
    """The current digest of the image in `path`, from its registry.

    Raises:
        EnvironmentFailure: No engine or no registry answers.
    """
    image = load(path).image
    try:
        with engine(timeout=60) as client:
            digest = str(client.images.get_registry_data(image).id)
    except EnvironmentFailure as error:
        raise EnvironmentFailure(
            f"The digest of {image} could not be read: {error.what}",
            "Run this where the image registry can be reached; the pins are unchanged.",
        ) from error
    if not _DIGEST.fullmatch(digest):
        raise EnvironmentFailure(
            f"The registry's answer for {image} is no digest: {digest!r}.",
            "Try again later; the pins are unchanged.",
        )
    return digest
