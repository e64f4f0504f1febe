"""The networks that grids may name: one file each, here or among a user's extensions."""

from __future__ import annotations

import sys

from bench.extensions import Register
from bench.networks.model import Defaults, Network

__all__ = ["NETWORKS", "Defaults", "Network"]

NETWORKS = Register(Network, "NETWORK", sys.modules[__name__])
