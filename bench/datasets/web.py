"""Files published in a folder of a web server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.console.text import size_text
from bench.datasets.download import USUAL, Patience, download
from bench.datasets.model import DataFile, SourceFailed
from bench.runners.host import HostReporter

# Compressed data may be a little longer than the data; anything beyond is not the file.
SLACK_BYTES = 1 << 20


@dataclass(frozen=True)
class WebFolder:
    """Gzipped files below `url`, which ends in a slash.

    Attributes:
        url: The folder.
        patience: When the server is given up.
    """

    url: str
    patience: Patience = USUAL

    @property
    def name(self) -> str:
        """The folder's address."""
        return self.url

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: HostReporter
    ) -> Iterator[Path]:
        """See `Source.deliver`."""
        for done, file in enumerate(files):
            target = scratch / f"{file.published}.gz"
            pieces = download(self.url + target.name, self.patience, reporter.check_cancelled)
            received = 0
            try:
                with target.open("wb") as out:
                    for piece in pieces:
                        received += len(piece)
                        if received > file.size + SLACK_BYTES:
                            raise SourceFailed("sent more than it can hold")
                        out.write(piece)
                        text = f"{file.published}, {size_text(received)}"
                        reporter.progress(done, len(files), "file", text)
            except SourceFailed as error:
                raise SourceFailed(f"{target.name}: {error}") from error
            yield target
