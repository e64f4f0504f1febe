"""The networks that grids may name: one file each, here or among a user's extensions."""

from __future__ import annotations

import sys

from bench.extensions import Register
from bench.networks.model import Defaults, Network
from bench.networks.own import is_own, read

__all__ = ["NETWORKS", "Defaults", "Network", "is_own", "read"]

NETWORKS = Register(Network, "NETWORK", sys.modules[__name__])
