"""Archives of a grid's results, for a repository such as Zenodo: written, and checked elsewhere.

An archive is a BagIt bag (RFC 8493) in one `.tar.gz` or `.zip` file; see
docs/decisions/0012-archives.md.
"""

from bench.archive.check import Checked, verify
from bench.archive.contents import KINDS, Selection, select
from bench.archive.writer import dry_run, pack

__all__ = ["KINDS", "Checked", "Selection", "dry_run", "pack", "select", "verify"]
