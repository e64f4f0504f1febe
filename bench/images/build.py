"""Build images through the engine, once each, showing how far they are."""

from __future__ import annotations

import io
import re
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from docker.client import DockerClient
from docker.errors import ImageNotFound

from bench.console.events import SET_UP, Emit, Finished, Note, Progress, Started
from bench.errors import EnvironmentFailure, store_error
from bench.images.base import Base
from bench.images.cleanup import owner_label
from bench.images.context import open_context
from bench.images.engine import LABEL, SLOW_SECONDS, engine, is_no_space, no_space
from bench.images.recipe import Recipe
from bench.images.shared import building, use
from bench.images.wheelhouse import wheels
from bench.system.files import write_atomic
from bench.system.listening import listen

PACKAGES_FILE = "/opt/packages.txt"
_CHATTER = ("--->", "Removing intermediate", "(Reading database")
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")


@dataclass(frozen=True)
class Image:
    """An image on the engine.

    Attributes:
        id: The engine's identifier, `sha256:` and 64 digits.
        packages: Every package in it, Debian's as `name=version`, Python's as `name==version`.
    """

    id: str
    tag: str
    packages: tuple[str, ...]


def ensure_image(
    recipe: Recipe, base: Base, folder: Path, emit: Emit, cancelled: threading.Event
) -> Image:
    """The image of `recipe`, built now if it is missing.

    `folder` keeps wheels, logs and package lists between runs.

    Raises:
        EnvironmentFailure: It could not be built.
        Cancelled: `cancelled` was set.
    """
    # Hashed once: sources may be edited while the image is built.
    wanted = recipe.image_hash(base)
    with engine() as client:
        use(client, wanted)
    image = _find(recipe, wanted, folder)
    if image is not None:
        return image
    task = f"{recipe.name} image"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with building(
            recipe.name, folder, cancelled,
            lambda: emit(Note(task, "another run is building it; waiting for that")),
        ):  # fmt: skip
            image = _find(recipe, wanted, folder)
            if image is None:
                _Build(recipe, base, wanted, folder, emit, cancelled).run()
                image = _find(recipe, wanted, folder)
    except OSError as error:
        raise store_error(error, folder) from error
    if image is None:
        raise EnvironmentFailure(
            f"The {recipe.name} image vanished right after it was built.",
            "Something else removes images on this engine; stop it and rerun.",
        )
    return image


def is_built(recipe: Recipe, base: Base) -> bool:
    """Whether the image of `recipe` is there."""
    with engine() as client:
        return _identifier(client, recipe, recipe.image_hash(base)) is not None


def _tag(recipe: Recipe, wanted: str) -> str:
    return f"{LABEL}/{recipe.name}:{wanted[:12]}"


def _identifier(client: DockerClient, recipe: Recipe, wanted: str) -> str | None:
    try:
        image = client.images.get(_tag(recipe, wanted))
    except ImageNotFound:
        return None
    return str(image.id) if image.labels.get(f"{LABEL}.recipe") == wanted else None


def _find(recipe: Recipe, wanted: str, folder: Path) -> Image | None:
    with engine() as client:
        image = _identifier(client, recipe, wanted)
        if image is None:
            return None
        return Image(image, _tag(recipe, wanted), _packages(client, image, recipe, folder))


def _packages(client: DockerClient, image: str, recipe: Recipe, folder: Path) -> tuple[str, ...]:
    """The package list that the build wrote into the image; read from it once, then kept."""
    if recipe.environment is None:
        return ()
    kept = folder / f"packages-{image.removeprefix('sha256:')[:24]}.txt"
    if not kept.exists():
        container = client.containers.create(image, labels={LABEL: "packages", **owner_label()})
        try:
            chunks, _ = container.get_archive(PACKAGES_FILE)
            with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
                member = archive.extractfile(PACKAGES_FILE.rpartition("/")[2])
                assert member is not None
                text = member.read()
        finally:
            container.remove(force=True)
        write_atomic(kept, text)
    return tuple(kept.read_text(encoding="utf-8").split())


@dataclass
class _Build:
    """A build: the engine's messages, their log and their progress."""

    recipe: Recipe
    base: Base
    wanted: str
    folder: Path
    emit: Emit
    cancelled: threading.Event

    def __post_init__(self) -> None:
        self._task = f"{self.recipe.name} image"
        self._log = self.folder / f"{self.recipe.name}.log"
        self._step = (0, 1, "")

    def run(self) -> None:
        start = time.monotonic()
        self.emit(Started(self._task, SET_UP))
        items = self.recipe.files()
        if environment := self.recipe.environment:
            cache = self.folder.parent / "wheels"
            items += wheels(environment, cache, self._task, self.emit, self.cancelled)
        with (
            open_context(items, self.folder) as context,
            self._log.open("w", encoding="utf-8") as log,
        ):
            # A step may be silent for minutes.
            for message in listen(self._messages(context), self.cancelled):
                log.write(str(message.get("stream") or message.get("status") or ""))
                log.write(str(message.get("error") or ""))
                log.flush()
                self._handle(message)
        self.emit(Finished(self._task, SET_UP, "done", "", time.monotonic() - start))

    def _messages(self, context: Any) -> Iterator[Mapping[str, Any]]:
        """The engine's messages as they come; it stops building when the connection closes."""
        with engine(timeout=SLOW_SECONDS) as client:
            yield from client.api.build(
                fileobj=context,
                custom_context=True,
                dockerfile=self.recipe.dockerfile,
                tag=_tag(self.recipe, self.wanted),
                buildargs={"BASE_IMAGE": self.base.reference},
                labels={LABEL: self.recipe.name, f"{LABEL}.recipe": self.wanted},
                decode=True,
                rm=True,
                forcerm=True,
            )

    def _handle(self, message: Mapping[str, Any]) -> None:
        if error := message.get("error"):
            raise self._failure(str(error))
        text = click.unstyle(str(message.get("stream", ""))).strip()
        if step := _STEP.match(text):
            self._step = (int(step[1]), int(step[2]), step[3])
        if text and not text.startswith(_CHATTER):
            done, total, command = self._step
            shown = command if step else text.splitlines()[-1]
            self.emit(Progress(self._task, SET_UP, done, total, "step", shown[:80]))

    def _failure(self, error: str) -> EnvironmentFailure:
        if is_no_space(error) or is_no_space(self._log.read_text(errors="replace")[-4000:]):
            return no_space(error)
        if "pull" in error or "manifest" in error or "not found" in error:
            return EnvironmentFailure(
                f"The base {self.base.reference} is not available: {error}",
                "It was removed meanwhile, or its registry does not answer. Rerun; "
                "`make base` builds one from Debian packages.",
                self._log,
            )
        return EnvironmentFailure(
            f"The {self.recipe.name} image could not be built: {error}",
            "If Debian's mirror or the disk was at fault, rerun; --runner venv needs no image.",
            self._log,
        )
