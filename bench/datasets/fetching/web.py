"""Files published on a web server: in a folder, or in one archive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.console.text import size_text
from bench.datasets.fetching.patience import Patience
from bench.datasets.fetching.tar import extracted
from bench.datasets.model import DataFile, Reporter, SourceFailed

# Compressed data may be a little longer than the data.
SLACK_BYTES = 1 << 20
USUAL = Patience()


@dataclass(frozen=True)
class WebFolder:
    """Files below `url`, which ends in a slash; each has its name with `suffix`: gzipped or not."""

    url: str
    patience: Patience = USUAL
    suffix: str = ".gz"

    @property
    def name(self) -> str:
        """The folder's address."""
        return self.url

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        for done, file in enumerate(files):
            target = scratch / f"{file.name}{self.suffix}"

            def progress(received: int, done: int = done, name: str = file.name) -> None:
                text = f"{name}, {size_text(received)}"
                reporter.progress(done, len(files), "file", text)

            most = file.size + SLACK_BYTES
            _fetch(self.url + target.name, most, target, self.patience, reporter, progress)
            yield target


@dataclass(frozen=True)
class WebArchive:
    """A tar archive at `url`, of at most `size` bytes, that has the files in `folder`."""

    url: str
    folder: str
    size: int
    patience: Patience = USUAL

    @property
    def name(self) -> str:
        """The archive's address."""
        return self.url

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        target = scratch / self.url.rpartition("/")[2]

        def progress(received: int) -> None:
            text = f"{target.name}, {size_text(received)}"
            reporter.progress(0, len(files), "file", text)

        _fetch(self.url, self.size, target, self.patience, reporter, progress)
        yield from extracted(target, self.folder, files, scratch)


def _fetch(
    url: str,
    most: int,
    target: Path,
    patience: Patience,
    reporter: Reporter,
    progress: Callable[[int], None],
) -> None:
    """Write what is at `url`, of at most `most` bytes, to `target`; tells how many there are."""
    # What it imports takes long, and most commands fetch nothing.
    from bench.datasets.fetching.download import download  # noqa: PLC0415

    received = 0
    try:
        with target.open("wb") as out:
            for piece in download(url, patience, reporter.check_cancelled):
                received += len(piece)
                if received > most:
                    raise SourceFailed("sent more than it can hold")
                out.write(piece)
                progress(received)
    except SourceFailed as error:
        raise SourceFailed(f"{target.name}: {error}") from error
