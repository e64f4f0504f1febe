"""What each image is made of, and the hashes that identify it."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass

from bench.environments import INSTALLED, Environment
from bench.images.base import Base
from bench.images.context import Item, gather, hash_items
from bench.paths import ROOT

_SCRIPTS = ("docker/base/install.sh", "docker/base/packages.sh")


@dataclass(frozen=True)
class Recipe:
    """The recipe of an image.

    Attributes:
        dockerfile: Relative to the checkout.
        pinned: Files that decide which packages it holds.
        sources: Files and folders of our own that it holds; its last layers.
        environment: The environment in it; None for the board.
    """

    name: str
    dockerfile: str
    pinned: tuple[str, ...]
    sources: tuple[str, ...]
    environment: Environment | None

    def environment_hash(self, base: Base) -> str:
        """SHA-256 over everything but our own sources, which stages declare and hash apart."""
        items = gather(ROOT, (self.dockerfile, *self.pinned))
        locks = self.environment.recipe() if self.environment else ""
        parts = (hash_items(items), locks, base.identity, platform.machine())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def image_hash(self, base: Base) -> str:
        """SHA-256 over everything in the image."""
        parts = (self.environment_hash(base), hash_items(gather(ROOT, self.sources)))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def files(self) -> list[Item]:
        """The build context without the wheels."""
        return gather(ROOT, (self.dockerfile, *self.pinned, *self.sources))


def _of_environment(environment: Environment) -> Recipe:
    locks = (*environment.locks, *environment.either_of)
    return Recipe(
        name=environment.name,
        dockerfile=f"Dockerfile.{environment.name}",
        pinned=(*_SCRIPTS, *(lock.relative_to(ROOT).as_posix() for lock in locks)),
        sources=environment.sources,
        environment=environment,
    )


RECIPES = {environment.name: _of_environment(environment) for environment in INSTALLED} | {
    "board": Recipe("board", "docker/board/Dockerfile", (), (), None)
}
