"""The stage that fetches data sets, and a web server to fetch them from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from tiny_sets import Handler, Server, Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    return Stage(tmp_path)


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
