"""The artifact store: every result under a key made of all that decides it."""

from bench.store.manifest import Artifact, Manifest
from bench.store.store import Entry, Store, Workspace

__all__ = ["Artifact", "Entry", "Manifest", "Store", "Workspace"]
