"""Remove what bench leaves on an engine when it is killed or updated."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from docker.client import DockerClient
from docker.errors import APIError, NotFound

from bench.images.engine import LABEL
from bench.images.shared import unused

OWNER = f"{LABEL}.owner"
# HTTP: in use, or being removed by somebody else; for networks the engine says forbidden.
_IN_USE = (403, 409)
_NO_TAG = "<none>:<none>"
_STEP = "packages"  # as in Dockerfile.*; further steps inherit only what the base has
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Leftover:
    """A container of a dead run, an image of an outdated recipe, or a network without containers.

    Attributes:
        id: The engine's identifier, or an image's name.
        what: A description for people.
        recipe: An image's recipe hash.
    """

    kind: Literal["container", "image", "network"]
    id: str
    what: str
    recipe: str = ""


def owner_label() -> dict[str, str]:
    """The label by which a container tells which process it belongs to."""
    process = psutil.Process()
    return {OWNER: f"{socket.gethostname()} {_boot()} {process.pid} {process.create_time()}"}


def dead_containers(client: DockerClient) -> list[Leftover]:
    """Our containers whose run is dead; those of live runs and of other machines stay."""
    dead = []
    for container in client.api.containers(all=True, filters={"label": OWNER}):
        labels = container["Labels"]
        if not _is_alive(labels[OWNER]):
            task = labels.get(f"{LABEL}.task", labels.get(LABEL, ""))
            what = f"container {container['Names'][0].strip('/')} ({task})"
            dead.append(Leftover("container", container["Id"], what))
    return dead


def outdated_images(client: DockerClient, current: Collection[str]) -> list[Leftover]:
    """Our images, except those with the recipe hashes `current` and their cached steps."""
    outdated = []
    for image in client.api.images(filters={"label": f"{LABEL}.recipe"}):
        recipe = image["Labels"][f"{LABEL}.recipe"]
        tags = [tag for tag in image["RepoTags"] or () if tag != _NO_TAG]
        if recipe not in current:
            outdated += [Leftover("image", tag, f"image {tag}", recipe) for tag in tags]
        is_step = image["Labels"].get(LABEL, _STEP) == _STEP
        if not tags and not (is_step and recipe in current):
            identifier = image["Id"]
            outdated.append(Leftover("image", identifier, f"image {identifier[:19]}", recipe))
    return outdated


def unused_networks(client: DockerClient) -> list[Leftover]:
    """Our networks; `remove` keeps those that a container uses."""
    networks = client.api.networks(filters={"label": LABEL})
    return [Leftover("network", net["Id"], f"network {net['Name']}") for net in networks]


def remove(client: DockerClient, leftover: Leftover) -> bool:
    """Remove it; False while it is in use, True also if it was gone already."""
    try:
        if leftover.kind == "container":
            client.api.remove_container(leftover.id, force=True, v=True)
        elif leftover.kind == "network":
            client.api.remove_network(leftover.id)
        else:
            # Between two containers of a run the engine does not know that its images are in use.
            with unused(client, leftover.recipe) as free:
                if free:
                    client.api.remove_image(leftover.id)
                return free
    except NotFound:
        return True
    except APIError as error:
        if error.status_code in _IN_USE:
            return False
        raise
    return True


def _is_alive(owner: str) -> bool:
    """Whether the process is alive; processes of other machines count as alive: we cannot tell."""
    host, boot, pid, created = owner.split(" ")
    if host != socket.gethostname():
        return True
    if boot != _boot():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(created)) < 1.0
    except psutil.NoSuchProcess:
        return False


def _boot() -> str:
    return _BOOT.read_text(encoding="ascii").strip() if os.access(_BOOT, os.R_OK) else "unknown"
