"""The flows there are: the packages beside this file, and what extensions add."""

from __future__ import annotations

from functools import cache

from bench.errors import ConfigError, did_you_mean
from bench.flows.flow import FRONT, Flow
from contract.stage import Stage

DEFAULT = "finn"

_added: dict[str, Flow] = {}


def register(flow: Flow) -> None:
    """Add `flow`, or put it in the place of one of its name."""
    _added[flow.name] = flow


def flow_named(name: str) -> Flow:
    """The flow `name`.

    Raises:
        ConfigError: There is none.
    """
    flows = _flows()
    if name not in flows:
        raise ConfigError(f"flow = '{name}' is not known.", did_you_mean(name, flows))
    return flows[name]


def names() -> tuple[str, ...]:
    """Of all flows."""
    return tuple(_flows())


def all_stages() -> dict[str, Stage]:
    """Every stage of every flow by name, in order."""
    flows = (FRONT, *(flow.stages for flow in _flows().values()))
    return {stage.name: stage for stages in flows for stage in stages}


def _flows() -> dict[str, Flow]:
    return {**_built_in(), **_added}


@cache
def _built_in() -> dict[str, Flow]:
    from bench.flows.finn import FLOW  # noqa: PLC0415  # it imports what this package offers

    return {FLOW.name: FLOW}
