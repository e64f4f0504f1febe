"""Web servers of all kinds: whatever one delivers, only the right bytes get through."""

from __future__ import annotations

import hashlib
import io
import re
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from tiny_sets import OTHER, PUBLISHED, TINY, Server, Stage, dataset

from bench.console.events import Progress
from bench.datasets.fetching.patience import Patience
from bench.datasets.fetching.web import WebArchive, WebFolder
from bench.errors import DataError
from bench.system.locks import Cancelled


def test_web_folder_delivers(stage: Stage, server: Server) -> None:
    place = server.publish("good", TINY)
    stage.run(dataset(TINY, place))
    stage.assert_delivered()
    assert stage.notes == []
    assert stage.reporter.tools == {"source": place.url}
    progress = [event for event in stage.events if isinstance(event, Progress)]
    assert (progress[-1].done, progress[-1].total, progress[-1].unit) == (4, 4, "file")


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


def test_a_silent_server_is_given_up(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = WebFolder(f"http://127.0.0.1:{silent.getsockname()[1]}/", Patience(silence=0.2))
        with pytest.raises(DataError, match=r"went silent for 0\.2 s"):
            stage.run(dataset(TINY, place))


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
SLOW_CONTENT = replace(SLOW, silence=60)


@pytest.mark.parametrize(
    ("parts", "drip", "patience", "reason"),
    [
        ((OK, b"\r\n"), b"xx", SLOW_CONTENT, r"sent only \d+ bytes in 0\.2 s"),
        ((OK, b"Content-Length: 40\r\n\r\n"), b"x", SLOW_CONTENT, r"sent only \d+ bytes in 0\.2 s"),
        # What is not content yet is silence, however much of it there is.
        ((b"HTTP/1.1 200 ",), b"x", SLOW, r"went silent for 0\.3 s|sent only 0 bytes"),
        ((OK,), b"X", SLOW, r"went silent for 0\.3 s|sent only 0 bytes"),
        ((OK, b"Transfer-Encoding: chunked\r\n\r\n"), b"0", SLOW, "went silent|sent only 0"),
        (
            (OK, b"\r\n"),
            b"x" * 1000,
            Patience(silence=60, window=60, slowest=1, total=0.2),
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
        stage.run(dataset(TINY, WebFolder(url, patience), good))
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
        place = WebFolder(f"http://127.0.0.1:{silent.getsockname()[1]}/", Patience(silence=60.0))
        threading.Timer(0.1, stage.cancelled.set).start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            stage.run(dataset(TINY, place))
    assert time.monotonic() - start < 30


def archive_of(contents: Mapping[str, bytes], folder: str = "inside") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, data in {"../evil": b"x", **contents}.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def test_an_archive_delivers_what_is_in_it(stage: Stage, server: Server) -> None:
    server.pages["/all.tar.gz"] = archive_of(TINY)
    place = WebArchive(f"{server.url}/all.tar.gz", "inside", 10_000)
    stage.run(dataset(TINY, place))
    stage.assert_delivered()
    assert server.asked == ["/all.tar.gz"]
    assert stage.reporter.tools == {"source": place.url}


@pytest.mark.parametrize(
    ("content", "most", "reason"),
    [
        (archive_of(TINY, "elsewhere"), 10_000, f"has no file inside/{PUBLISHED[0]}"),
        (archive_of(TINY)[:-40], 10_000, "its archive is damaged|cannot be read"),
        (b"<html>please log in</html>", 10_000, "its archive is damaged"),
        (archive_of(TINY), 100, "all.tar.gz: sent more than it can hold"),
        (archive_of({**TINY, PUBLISHED[1]: b"x"}), 10_000, "has the wrong SHA-256"),
    ],
)
def test_an_archive_that_is_not_the_published_one(
    stage: Stage, server: Server, content: bytes, most: int, reason: str
) -> None:
    server.pages["/all.tar.gz"] = content
    bad = WebArchive(f"{server.url}/all.tar.gz", "inside", most)
    stage.run(dataset(TINY, bad, server.publish("good", TINY)))
    stage.assert_delivered()
    assert re.search(reason, stage.notes[0])


def test_files_may_be_published_as_they_are(stage: Stage, server: Server) -> None:
    for name, data in TINY.items():
        server.pages[f"/raw/{name}"] = data
    stage.run(dataset(TINY, WebFolder(f"{server.url}/raw/", suffix="")))
    stage.assert_delivered()


@pytest.mark.parametrize("right", [True, False])
def test_a_published_checksum_may_be_an_md5(stage: Stage, server: Server, right: bool) -> None:
    data = dataset(TINY, server.publish("good", TINY if right else OTHER))
    files = tuple(
        replace(file, checksum=hashlib.md5(TINY[file.name], usedforsecurity=False).hexdigest())
        for file in data.files
    )
    data = replace(data, files=files)
    if right:
        stage.run(data)
        stage.assert_delivered()
        assert data.spec.checksums[0] == (PUBLISHED[0], files[0].checksum)
        return
    with pytest.raises(DataError, match=f"{PUBLISHED[0]} has the wrong MD5"):
        stage.run(data)
