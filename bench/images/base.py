"""The base of every image: named by the user, pinned by digest, or built here."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docker.client import DockerClient
from docker.errors import APIError, ImageNotFound

from bench.console.text import size_text
from bench.errors import EnvironmentFailure, store_error
from bench.images import pins
from bench.images.context import Item, open_context
from bench.images.engine import LABEL, engine, is_no_space
from bench.images.shared import building, use
from bench.paths import ROOT
from bench.store.keys import hash_file
from bench.system.process import run_logged

VARIABLE = "BENCH_BASE_IMAGE"
REPOSITORY = f"{LABEL}/base"
_WAITING = "another run is building the base of the images; waiting for that"
PULL_SECONDS = 600
NEEDED_BYTES = 1_000_000_000
Say = Callable[[str], None]

# As small as Debian gets, and nothing of this machine in it.
_MMDEBSTRAP = (
    "mmdebstrap", "--quiet", "--variant=minbase",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",  # else usrmerge comes, and perl with it
    "--aptopt=Acquire::Languages none",
    '--aptopt=Dir::Cache::pkgcache ""',
    '--aptopt=Dir::Cache::srcpkgcache ""',
    *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "info", "locale", "doc")),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
)  # fmt: skip
_REMEDY = (
    f"Set {VARIABLE} to an image with Python 3.11 on Debian 12 that this engine has or can pull, "
    "or use --runner venv, which needs no image."
)


@dataclass(frozen=True)
class Base:
    """What images are built from.

    Attributes:
        reference: What `FROM` gets.
        identity: What decides its content; part of every artifact's key.
        origin: `named` by the user, `pinned` by digest, or `local`.
    """

    reference: str
    identity: str
    origin: str


def images_folder(store: Path) -> Path:
    """The folder in `store` with what building images leaves: local base, logs, package lists."""
    return store / "cache" / "images"


def obstacle() -> str | None:
    """Why this machine cannot get a base; None when it can."""
    if os.environ.get(VARIABLE) or pins.load().reference or find_base() is not None:
        return None
    return None if shutil.which("mmdebstrap") else "its images need mmdebstrap, which is missing"


def check_base() -> None:
    """Raise `EnvironmentFailure` if there is no base and none can be pulled or built here."""
    if obstacle():
        _require_mmdebstrap()


def find_base() -> Base | None:
    """The base that the engine has already, if any; raises `EnvironmentFailure` without engine."""
    with engine() as client:
        if named := os.environ.get(VARIABLE):
            return _present(client, named, "named")
        reference = pins.load().reference
        pinned = _present(client, reference, "pinned") if reference else None
        return pinned or _find_local(client)


def ensure_base(folder: Path, say: Say, cancelled: threading.Event) -> Base:
    """The base: pulled by digest where a registry answers, else built here from Debian packages.

    `folder` keeps the root file system of a base built here; `say` is told each step.

    Raises:
        EnvironmentFailure: No engine answers, or no base can be pulled or built.
        Cancelled: `cancelled` was set.
    """
    with engine() as client:
        use(client, local_recipe())
    if base := find_base():
        return base
    named = os.environ.get(VARIABLE)
    if reference := named or pins.load().reference:
        trouble = _pull(reference)
        if base := find_base():
            return base
        if named:
            raise EnvironmentFailure(f"{VARIABLE}={named} cannot be pulled: {trouble}", _REMEDY)
        say(f"The base {reference} cannot be pulled ({trouble}); building one from Debian packages")
    else:
        say(
            "docker/base/pins.toml has no digest of a published base yet (`python -m bench.images "
            "pin` asks a registry); building the base from Debian packages, about a minute"
        )
    return _build_local(folder, say, cancelled)


def forget_local(folder: Path, cancelled: threading.Event) -> None:
    """Remove the base built here, so that the next run builds it again."""
    with building("base", folder, cancelled, lambda: None), engine() as client:
        for path in folder.glob("base-*.tar"):
            path.unlink()
        for image in client.api.images(name=REPOSITORY):
            for tag in image["RepoTags"] or ():
                client.images.remove(tag)


def _present(client: DockerClient, reference: str, origin: str) -> Base | None:
    try:
        image = client.images.get(reference)
    except ImageNotFound:
        return None
    identity = reference if "@sha256:" in reference else str(image.id)
    return Base(reference, identity, origin)


def _find_local(client: DockerClient) -> Base | None:
    label = f"{LABEL}.recipe={local_recipe()}"
    images = client.api.images(name=REPOSITORY, filters={"label": label})
    # The oldest: a base that another run makes meanwhile must not change the keys of this run.
    for image in sorted(images, key=lambda image: image["Created"]):
        identity = image["Labels"].get(f"{LABEL}.rootfs")
        if image["RepoTags"] and identity:
            return Base(image["RepoTags"][0], identity, "local")
    return None


def _pull(reference: str) -> str | None:
    """Pull an image; returns why that failed, if it did."""
    try:
        with engine(timeout=PULL_SECONDS) as client:
            client.images.pull(reference)
    except EnvironmentFailure as error:
        if error.__cause__ is not None and is_no_space(str(error.__cause__)):
            raise
        return error.what
    return None


def local_recipe() -> str:
    """SHA-256 of how a base is built here."""
    wanted = pins.load()
    parts = [wanted.suite, *wanted.packages, str(wanted.epoch), *_MMDEBSTRAP]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _build_local(folder: Path, say: Say, cancelled: threading.Event) -> Base:
    recipe = local_recipe()
    rootfs = folder / f"base-{recipe[:12]}.tar"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with building("base", folder, cancelled, lambda: say(_WAITING)):
            with engine() as client:
                if base := _find_local(client):
                    return base
            if not rootfs.exists():
                _bootstrap(pins.load(), rootfs, cancelled)
            return _import(rootfs, recipe)
    except OSError as error:
        raise store_error(error, folder) from error


def _require_mmdebstrap() -> None:
    if not shutil.which("mmdebstrap"):
        raise EnvironmentFailure(
            "mmdebstrap is missing; it builds the base of the images from Debian packages.",
            f"Install it (Debian, Ubuntu: `apt-get install mmdebstrap`) and rerun. Or: {_REMEDY}",
        )


def _bootstrap(wanted: pins.Pins, rootfs: Path, cancelled: threading.Event) -> None:
    """Make the root file system with mmdebstrap, which needs root or user namespaces."""
    _require_mmdebstrap()
    free = shutil.disk_usage(rootfs.parent).free
    if free < NEEDED_BYTES:
        raise EnvironmentFailure(
            f"{rootfs.parent} has {size_text(free)} free; "
            f"building the base needs {size_text(NEEDED_BYTES)}.",
            "Free some disk space, or choose another store with --store.",
        )
    partial, log_path = rootfs.with_suffix(".part"), rootfs.with_suffix(".log")
    command = [
        *_MMDEBSTRAP, f"--include={','.join(wanted.packages)}", "--format=tar",
        wanted.suite, str(partial),
    ]  # fmt: skip
    variables = {
        "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin",
        "SOURCE_DATE_EPOCH": str(wanted.epoch),
        "LC_ALL": "C.UTF-8",
        **{name: os.environ[name] for name in ("http_proxy", "TMPDIR") if name in os.environ},
    }
    log_path.write_bytes(b"")
    try:
        if not run_logged(command, variables, log_path, cancelled):
            raise EnvironmentFailure(
                "The base could not be built from Debian packages.",
                "If Debian's mirror did not answer, rerun. mmdebstrap needs root or unprivileged "
                f"user namespaces: run `make base` as root once. Or: {_REMEDY}",
                log_path,
            )
        partial.replace(rootfs)
    finally:
        partial.unlink(missing_ok=True)


def _import(rootfs: Path, recipe: str) -> Base:
    identity = f"sha256:{hash_file(rootfs)}"
    tag = f"{REPOSITORY}:{identity[7:19]}"
    dockerfile = Item("Dockerfile", ROOT / "docker" / "base" / "Dockerfile")
    items = [dockerfile, Item("rootfs.tar", rootfs)]
    labels = {f"{LABEL}.recipe": recipe, f"{LABEL}.rootfs": identity}
    try:
        with engine(timeout=PULL_SECONDS) as client, open_context(items, rootfs.parent) as context:
            client.images.build(
                fileobj=context, custom_context=True, tag=tag, labels=labels, rm=True, forcerm=True
            )
    except APIError as error:
        raise EnvironmentFailure(f"The base could not be imported: {error}", _REMEDY) from error
    return Base(tag, identity, "local")
