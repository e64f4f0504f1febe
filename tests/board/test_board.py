"""A board of yours: `BENCH_BOARD=user@host tox -e board`. Nothing is left on it.

Without BENCH_BOARD nothing is asked for, and all is skipped; with it, whatever keeps a test from
running is a failure. The measurement needs XILINX_VIVADO besides, and some hours.
"""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.boards.base import Address
from bench.boards.checks import check_board
from bench.boards.link import open_link
from bench.boards.login import address_of
from bench.boards.pool import parse_target
from bench.boards.ssh import open_board
from bench.errors import BoardError
from bench.paths import ROOT
from contract.finn.parts import BOARDS

TARGET = os.environ.get("BENCH_BOARD", "")

pytestmark = pytest.mark.skipif(not TARGET, reason="BENCH_BOARD=user@host names no board")


@pytest.fixture
def address() -> Address:
    return address_of(parse_target(TARGET))


def test_nothing_is_missing(address: Address) -> None:
    async def look() -> list[str]:
        async with open_link(address, print) as link:
            return [
                f"{c.name}: {c.detail}" for c in await check_board(link) if c.state == "missing"
            ]

    assert asyncio.run(look()) == []


def test_push_run_fetch_and_push_again(address: Address, tmp_path: Path) -> None:
    large, back = tmp_path / "large", tmp_path / "back"
    large.write_bytes(os.urandom(20_000_000))

    async def use() -> None:
        async with open_board(address, print) as board:
            probe = await board.probe()
            assert BOARDS[probe.board] == probe.part
            start = time.monotonic()
            assert (await board.push({"large": large})).bytes == 20_000_000
            print(f"20 MB pushed in {time.monotonic() - start:.2f} s")
            assert (await board.push({"large": large})).bytes == 0
            assert (await board.run(["cp", "large", "copy"], 60)).status == 0
            await board.fetch("copy", back)

    asyncio.run(use())
    assert back.read_bytes() == large.read_bytes()


def test_a_command_that_hangs_is_ended_there_too(address: Address) -> None:
    async def use() -> None:
        async with open_board(address, print) as board:
            with pytest.raises(BoardError, match="did not answer within 2 s"):
                await board.run(["sleep", "77777"], 2)
            await asyncio.sleep(2)
            found = await board.run(["sh", "-c", "grep -l 7777[7] /proc/[0-9]*/cmdline"], 30)
            assert found.stdout == ""

    asyncio.run(use())


def test_a_session_leaves_nothing_but_the_cache(address: Address) -> None:
    async def look() -> str:
        async with open_board(address, print), open_link(address, print) as link:
            during = await link.run(["sh", "-c", "ls .bench/sessions | wc -l"], 30)
            assert during.stdout.strip() == "1"
        async with open_link(address, print) as link:
            return (await link.run(["sh", "-c", "ls .bench/sessions"], 30)).stdout

    assert asyncio.run(look()) == ""


@pytest.mark.skipif(not os.environ.get("XILINX_VIVADO"), reason="XILINX_VIVADO is not set")
def test_bitstreams_are_built_and_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "run", str(ROOT / "experiments" / "tiny.toml")]
    command += ["--board", TARGET, "--store", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    with (tmp_path / "reports" / "tiny" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["measured_on"] for row in rows if row["status"] == "done"} == {"board"}
    assert any(row["status"] == "done" for row in rows)
