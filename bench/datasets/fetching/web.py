"""Files published in a folder of a web server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.console.text import size_text
from bench.datasets.model import DataFile, Reporter, SourceFailed

# Compressed data may be a little longer than the data.
SLACK_BYTES = 1 << 20


@dataclass(frozen=True)
class Patience:
    """When to give up on a server.

    Attributes:
        silence: Seconds without a byte.
        window: Seconds in which it sends less than `slowest`.
        slowest: Bytes per second.
        total: Seconds for a file.
    """

    silence: float = 10.0
    window: float = 30.0
    slowest: float = 1000.0
    total: float = 1800.0


USUAL = Patience()


@dataclass(frozen=True)
class WebFolder:
    """Gzipped files below `url`, which ends in a slash."""

    url: str
    patience: Patience = USUAL

    @property
    def name(self) -> str:
        """The folder's address."""
        return self.url

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        # What it imports takes long, and most commands fetch nothing.
        from bench.datasets.fetching.download import download  # noqa: PLC0415

        for done, file in enumerate(files):
            target = scratch / f"{file.name}.gz"
            pieces = download(self.url + target.name, self.patience, reporter.check_cancelled)
            received = 0
            try:
                with target.open("wb") as out:
                    for piece in pieces:
                        received += len(piece)
                        if received > file.size + SLACK_BYTES:
                            raise SourceFailed("sent more than it can hold")
                        out.write(piece)
                        text = f"{file.name}, {size_text(received)}"
                        reporter.progress(done, len(files), "file", text)
            except SourceFailed as error:
                raise SourceFailed(f"{target.name}: {error}") from error
            yield target
