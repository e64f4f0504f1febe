"""Tiny data sets in four IDX files, a server that has them, and the stage that fetches them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
from fakes import HOST

from bench.console.events import Event, Note
from bench.datasets.fetching.fetch import fetch
from bench.datasets.fetching.patience import Patience
from bench.datasets.fetching.web import WebFolder
from bench.datasets.idx import read
from bench.datasets.model import DataFile, Dataset, Source
from bench.runners.host import HostReporter
from bench.runners.wire import Request
from contract.arrays import load_npz

PUBLISHED = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(shape: tuple[int, ...], elements: bytes) -> bytes:
    header = bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
    return header + elements


def tiny_set(shade: int) -> dict[str, bytes]:
    """Three training and two test images of 2x4 pixels in three classes, by published name."""
    contents = (
        idx((3, 2, 4), bytes([shade]) * 24),
        idx((3,), bytes((2, 0, 1))),
        idx((2, 2, 4), bytes([shade + 1]) * 16),
        idx((2,), bytes((1, 0))),
    )
    return dict(zip(PUBLISHED, contents, strict=True))


TINY = tiny_set(7)
OTHER = tiny_set(99)


def dataset(contents: Mapping[str, bytes], *sources: Source, name: str = "Tiny-Set") -> Dataset:
    return Dataset(
        name=name,
        shape=(1, 2, 4),
        classes=3,
        train_images=3,
        test_images=2,
        files=tuple(
            DataFile(published, hashlib.sha256(data).hexdigest(), len(data))
            for published, data in contents.items()
        ),
        sources=sources,
        read=read,
    )


@dataclass
class Stage:
    """One call of the stage, and what it told."""

    folder: Path
    cancelled: threading.Event = field(default_factory=threading.Event)
    events: list[Event] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.reporter = HostReporter(
            "dataset-tiny", "stage", self.events.append, self.log, self.cancelled
        )
        for name in ("outputs", "scratch"):
            (self.folder / name).mkdir()

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    def run(self, data: Dataset, others: Sequence[Dataset] = (), **changed: str) -> None:
        spec = json.loads(json.dumps(asdict(data.spec) | changed))
        request = Request(
            stage="dataset",
            key="0" * 64,
            spec=spec,
            inputs={},
            outputs=self.outputs,
            scratch=self.folder / "scratch",
            cache=self.folder,
            result=self.folder / "result.json",
            cpus=1,
        )
        fetch(request, self.reporter, HOST, datasets={each.name: each for each in (data, *others)})

    def assert_delivered(self) -> None:
        parts = list(TINY.values())
        for file, images, labels, count in (
            ("train.npz", parts[0], parts[1], 3),
            ("test.npz", parts[2], parts[3], 2),
        ):
            loaded = load_npz(self.outputs / file, ("images", "labels"))
            assert [array.dtype for array in loaded] == [np.uint8, np.uint8]
            assert loaded[0].shape == (count, 1, 2, 4)
            assert loaded[0].tobytes() == images[16:]
            assert loaded[1].tobytes() == labels[8:]
        assert list((self.folder / "scratch").iterdir()) == []


@dataclass
class Server:
    """A web server on loopback; `pages` are its answers by path."""

    url: str
    pages: dict[str, bytes] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def publish(self, folder: str, contents: Mapping[str, bytes]) -> WebFolder:
        for name, data in contents.items():
            self.pages[f"/{folder}/{name}.gz"] = gzip.compress(data)
        return WebFolder(f"{self.url}/{folder}/", Patience(silence=2.0))


class Handler(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *args: object) -> None:
        self.site = server
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        page = self.site.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page[: len(page) // 2] if self.path in self.site.cut else page)

    def log_message(self, format: str, *args: object) -> None:
        pass
