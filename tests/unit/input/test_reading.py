"""The reader of TOML and JSON: whatever a file holds, an error that says where and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.errors import ConfigError, Exit
from bench.input.reading import DEEPEST, LARGEST, read_json, read_toml

MANY = 100_000


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def make(content: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(content)
        return path

    return make


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a = ", "not valid TOML"),
        (b"a = 1\na = 2\nb = 3", "line 2"),
        (b"a = 1\nb = '\xff'", "line 2: byte 0xff is not UTF-8"),
        ("a = 1".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
        (b"a = " + b"[" * MANY, "nested more than 32 levels"),
        (b"a = " + b"[" * 200 + b"]" * 200, "nested more than 32 levels"),
        (b"a = 1\na" + b".a" * MANY + b" = 1", "line 2: nested more than 32 levels"),
        (b"[" + b"a." * MANY + b"a]", "line 1: nested more than 32 levels"),
        (b"a = 1\nb = -1" + b"0" * 5000, "line 2: a number of 5002 digits"),
        (b"#" * (LARGEST + 1), "larger than 1 MiB"),
        (b"a = 1\x00", "not valid TOML"),
        (b"[TFC]\n[TFC]", "Cannot declare 'TFC' twice"),
        (b"[a.b]\n[a.b]", "Cannot declare 'a.b' twice"),
        (b"""["a'b"]\n["a'b"]""", "Cannot declare 'a'b' twice"),
    ],
)
def test_toml_that_cannot_be(write: Callable[[bytes], Path], content: bytes, expected: str) -> None:
    check(read_toml, write(content), expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not valid JSON"),
        (b"[1,\n2", "line 2"),
        (b"[NaN]", "NaN is no number in JSON"),
        (b"[-Infinity]", "-Infinity is no number"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' is given twice"),
        (b"[\n1" + b"0" * 5000 + b"]", "line 2: a number of 5001 digits"),
        (b"[" * MANY, "nested more than 32 levels"),
        (b'{"a":' * MANY, "nested more than 32 levels"),
        (b"[" * 40 + b"]" * 40, "nested more than 32 levels"),
        (b'{"\x1b[31m', "not valid JSON"),
        (b"\xfe\xff", "line 1: byte 0xfe is not UTF-8"),
    ],
)
def test_json_that_cannot_be(write: Callable[[bytes], Path], content: bytes, expected: str) -> None:
    check(read_json, write(content), expected)


def check(read: Callable[[Path], Any], path: Path, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(path) in caught.value.what
    assert expected in caught.value.what
    assert caught.value.what.replace("\n", "").isprintable()
    assert len(caught.value.what) < 500
    assert caught.value.remedy
    assert caught.value.exit_code == Exit.CONFIG


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    check(read_json, tmp_path, "Is a directory")
    check(read_toml, tmp_path / "none", "No such file")
    check(read_toml, tmp_path / ("x" * 300), "File name too long")
    with pytest.raises(ConfigError, match="is not a path"):
        read_json(tmp_path / "a\0b")


def test_what_editors_and_systems_write_is_read(write: Callable[[bytes], Path]) -> None:
    assert read_toml(write(b"\xef\xbb\xbfa = 1\r\nb = 'x'\r\n")) == {"a": 1, "b": "x"}
    assert read_json(write(b'\xef\xbb\xbf{"a":\r\n[1, 2.5e3]}\r\n')) == {"a": [1, 2500.0]}
    nested = b"[" * DEEPEST + b"]" * DEEPEST
    assert read_json(write(nested))
    assert read_json(write(b'"' + b"x" * LARGEST + b'"'), largest=2 * LARGEST)
