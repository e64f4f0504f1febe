"""Runs on many machines: the same stages on a Dask cluster, against a store that all of them see.

Imported only when a run names a scheduler: Dask is an extra, and takes half a second to import.
"""

from bench.errors import EnvironmentFailure

try:
    from bench.cluster.backend import DaskBackend
    from bench.cluster.remote import Site
except ModuleNotFoundError as error:
    if error.name != "distributed":
        raise
    raise EnvironmentFailure(
        "Dask is not installed; runs on a cluster need it.",
        "Run `make cluster` in the checkout, then rerun.",
    ) from error

__all__ = ["DaskBackend", "Site"]
