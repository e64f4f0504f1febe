"""The artifact store: every result under a key made of all that decides it."""

from bench.store.entry import Broken, Entry, Workspace
from bench.store.manifest import Artifact, Manifest
from bench.store.reading import DamageError
from bench.store.store import Store

__all__ = ["Artifact", "Broken", "DamageError", "Entry", "Manifest", "Store", "Workspace"]
