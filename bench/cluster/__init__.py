"""Runs on many machines: the same stages on a Dask cluster, against a store that all of them see.

Imported only when a run names a scheduler: Dask takes half a second to import.
"""

from bench.cluster.backend import DaskBackend
from bench.cluster.remote import Site

__all__ = ["DaskBackend", "Site"]
