"""Connections to the container engine, and its errors explained."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import docker
from docker.client import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import RequestException, Timeout

from bench.errors import EnvironmentFailure

LABEL = "finn-bench"  # prefix of our labels
QUICK_SECONDS = 10
SLOW_SECONDS = 3600  # a step of a build may be silent for as long

_NOT_RUNNING = (errno.ENOENT, errno.ECONNREFUSED)
_VENV = "or use --runner venv, which needs no engine."
_NO_SPACE = "no space left on device"

# What happened and what to do about it, by the first kind that a cause of the error is of.
_MEANINGS: tuple[tuple[Callable[[BaseException], bool], str, str], ...] = (
    (
        lambda cause: isinstance(cause, PermissionError),
        "A container engine is there, but you may not use it (permission denied).",
        f"Add yourself to the group `docker` and log in again, {_VENV}",
    ),
    (
        lambda cause: getattr(cause, "errno", None) in _NOT_RUNNING,
        "No container engine answers: it is not running, or not installed.",
        "Start it (`systemctl start docker`, or `dockerd &` where there is no systemd), "
        f"after installing it (Debian, Ubuntu: `apt-get install docker.io`), {_VENV}",
    ),
    (
        lambda cause: isinstance(cause, Timeout | TimeoutError),
        "The container engine does not answer in time.",
        f"Restart it, {_VENV}",
    ),
    (
        lambda cause: isinstance(cause, ImageNotFound),
        "The image was removed from the container engine during the run.",
        "Rerun: it is built again by itself.",
    ),
    (
        lambda cause: "bind source path does not exist" in str(cause),
        "The container engine does not see the files of this machine.",
        f"It seems to run elsewhere (DOCKER_HOST?); use one on this machine, {_VENV}",
    ),
    (
        lambda cause: isinstance(cause, NoConnection),
        "The container engine went away in the middle of the work.",
        f"Start it again and rerun, {_VENV}",
    ),
)


@contextmanager
def engine(timeout: float = QUICK_SECONDS) -> Iterator[DockerClient]:
    """A connection to the engine, which counts as stuck after `timeout` seconds without an answer.

    Raises:
        EnvironmentFailure: No engine answers, it refuses, or a request failed.
    """
    try:
        client = docker.from_env(timeout=timeout)  # type: ignore[arg-type]
        try:
            yield client
        finally:
            client.close()
    except (DockerException, RequestException) as error:
        raise explain(error) from error


def version(timeout: float = QUICK_SECONDS) -> str:
    """The version of the engine; raises `EnvironmentFailure` when none answers in `timeout` s."""
    with engine(timeout) as client:
        return str(client.version().get("Version", "unknown"))


def explain(error: BaseException) -> EnvironmentFailure:
    """What an error of the Docker SDK means, and what to do about it."""
    causes = list(_causes(error))
    for applies, what, remedy in _MEANINGS:
        if any(applies(cause) for cause in causes):
            return EnvironmentFailure(what, remedy)
    reason = error.explanation if isinstance(error, APIError) and error.explanation else error
    if is_no_space(str(reason)):
        return no_space(str(reason))
    return EnvironmentFailure(
        f"The container engine refused: {reason}",
        f"Look at the engine's own log (`journalctl -u docker`), {_VENV}",
    )


def no_space(detail: str) -> EnvironmentFailure:
    """The error for an engine without disk space."""
    return EnvironmentFailure(
        f"The container engine has no disk space left ({detail}).",
        "`docker system df` shows what takes it, `bench doctor --clean` removes what bench left "
        "behind, `docker builder prune` and `docker image prune` more; then rerun.",
    )


def is_no_space(text: str) -> bool:
    """Whether an engine's message says that its disk is full."""
    return _NO_SPACE in text.lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what caused it; the SDK wraps the reason several times."""
    causes: list[BaseException] = [error]
    for cause in causes:
        yield cause
        deeper = (cause.__cause__, cause.__context__, *cause.args)
        causes += [each for each in deeper if isinstance(each, BaseException)]
