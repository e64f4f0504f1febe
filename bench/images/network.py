"""Make a network on the engine once; its name need not be unique there, its identifier is."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping

from docker.client import DockerClient
from docker.errors import APIError

from bench.errors import EnvironmentFailure
from bench.images.engine import LABEL
from bench.images.shared import exclusive

_NAME_IN_USE = 409  # HTTP: conflict


def ensure_network(
    client: DockerClient,
    name: str,
    label: str,
    options: Mapping[str, str],
    cancelled: threading.Event,
) -> str:
    """The identifier of our network `name`, made now if there is none.

    Networks of ours have the label `label`. If several runs have each made a network, all take the
    oldest, and unused others are removed.

    Raises:
        EnvironmentFailure: The name is taken by a network that is not ours.
        Cancelled: `cancelled` was set.
    """
    with exclusive(client, name, cancelled):
        ours = _ours(client, name, label)
        if not ours:
            try:
                labels = {LABEL: label}
                client.api.create_network(
                    name, "bridge", options=dict(options), labels=labels, check_duplicate=True
                )
            except APIError as error:
                if error.status_code != _NAME_IN_USE:
                    raise
            # Looked up, not taken from the answer: another user may have made one meanwhile.
            ours = _ours(client, name, label)
        if not ours:
            raise EnvironmentFailure(
                f"A network named {name} that bench did not make is on the container engine.",
                f"Remove it (`docker network rm {name}`) and rerun; --runner venv needs none.",
            )
        chosen, *others = ours
        for other in others:
            with contextlib.suppress(APIError):  # in use, so a later run removes it
                client.api.remove_network(other)
    return chosen


def _ours(client: DockerClient, name: str, label: str) -> list[str]:
    """Identifiers of our networks of this name, the oldest first."""
    alike = client.api.networks(filters={"name": name, "label": f"{LABEL}={label}"})
    ages = sorted((net["Created"], net["Id"]) for net in alike if net["Name"] == name)
    return [identifier for _, identifier in ages]
