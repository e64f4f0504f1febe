"""Modules are mapped, each in a process of its own, and kept by what they are."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import finn
import pytest

from finn_worker.mapping import layers
from finn_worker.mapping.mapped import Source
from finn_worker.mapping.mapper import Mapper, NotMapped, _refuse_if_full
from finn_worker.mapping.recipe import UnknownFamilyError
from stagekit import StageError

_SUM = """
module layer(input clk, input [7:0] a, input [7:0] b, output logic [7:0] s);
	always_ff @(posedge clk)  s <= a + b;
endmodule
"""


@pytest.fixture(scope="module")
def mapper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapper]:
    """For 7-series, with a cache."""
    with Mapper("xc7", tmp_path_factory.mktemp("mapped")) as made:
        yield made


def _source(text: str = _SUM) -> Source:
    return Source(top="layer", texts={"layer.sv": text})


def test_an_adder_takes_a_lut_and_a_flip_flop_a_bit(mapper: Mapper) -> None:
    mapped = mapper.layer(_source())
    assert mapped.resources.as_json() == {
        "lut": 8,
        "lut_raw": 8,
        "lutram": 0,
        "ff": 8,
        "carry": 2,
        "bram18": 0,
        "bram36": 0,
        "uram": 0,
        "dsp": 0,
    }
    assert mapped.logic_ps is not None
    assert 0 < mapped.logic_ps < 5000  # of an adder of 8 bits
    assert "module layer" in mapped.netlist
    assert "synth_xilinx" in mapped.log
    with Mapper("xc7", None) as other:
        assert other.layer(_source()).log == mapped.log
    assert "site-packages" not in mapped.log


def test_a_shallow_fifo_of_finn_is_shift_registers(mapper: Mapper) -> None:
    text = (Path(finn.__file__).parent / "finn-rtllib/fifo/hdl/fifo.sv").read_text()
    resources = mapper.layer(layers.fifo(8, 16, text)).resources
    assert resources.lutram == 8  # one SRL16E a bit
    assert 8 < resources.ff < 24  # a register behind it, and what counts
    assert resources.bram18 == 0


_TABLE = """
module table_of #(parameter STYLE = "auto")(input clk, input [6:0] a, output logic [7:0] q);
	(* ram_style = STYLE *) logic [7:0] Mem[128];
	initial  foreach(Mem[i])  Mem[i] = 8'(i * i * 37);
	always_ff @(posedge clk)  q <= Mem[a];
endmodule
module layer(input clk, input [6:0] a, output logic [7:0] q);
	table_of #(.STYLE("STYLE")) inner (.clk, .a, .q);
endmodule
"""


@pytest.mark.parametrize(("style", "blocks"), [("auto", 1), ("block", 1), ("distributed", 0)])
def test_the_style_of_a_memory_may_be_a_parameter(mapper: Mapper, style: str, blocks: int) -> None:
    resources = mapper.layer(_source(_TABLE.replace('"STYLE"', f'"{style}"'))).resources
    assert resources.bram18 == blocks
    assert (resources.lut > 0) == (blocks == 0)


def test_a_shallow_table_is_in_a_block_ram_where_a_parameter_says_so(mapper: Mapper) -> None:
    shallow = _TABLE.replace("[128]", "[16]").replace("[6:0]", "[3:0]")
    for style, blocks in (("auto", 0), ("block", 1)):
        source = _source(shallow.replace('"STYLE"', f'"{style}"'))
        assert mapper.layer(source).resources.bram18 == blocks


def test_a_table_that_is_read_without_a_clock_is_logic(mapper: Mapper) -> None:
    text = """
module layer(input [6:0] a, output [7:0] q);
	(* ram_style = "auto" *) logic [7:0] Mem[128];
	initial  foreach(Mem[i])  Mem[i] = 8'(i * i * 37);
	assign  q = Mem[a];
endmodule
"""
    resources = mapper.layer(_source(text)).resources
    assert resources.bram18 == 0
    assert resources.lut > 0


def test_tables_of_thresholds_are_in_block_ram_from_1024_bits_on(mapper: Mapper) -> None:
    for words, bits, blocks in ((64, 16, 1), (64, 15, 0), (128, 8, 1), (128, 7, 0), (20, 64, 1)):
        text = f"""
module layer(input clk, input [{words.bit_length() - 2}:0] a, output logic [{bits - 1}:0] q);
	(* ram_style = "auto" *) logic [{bits - 1}:0] Threshs[{words}];
	initial  foreach(Threshs[i])  Threshs[i] = {bits}'(64'h9E3779B97F4A7C15 * (i + 1));
	always_ff @(posedge clk)  q <= Threshs[a];
endmodule
"""
        assert (mapper.layer(_source(text)).resources.bram18 > 0) == bool(blocks), (words, bits)


@pytest.mark.parametrize("name", ["a path", "it's", "\u6e2c"])
def test_a_path_may_be_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    with Mapper("xc7", None) as mapper:
        assert mapper.layer(_source()).resources.lut == 8
    assert not list(folder.iterdir())


def test_what_is_mapped_is_kept_by_its_content(tmp_path: Path) -> None:
    with Mapper("xc7", tmp_path) as first:
        mapped = first.layer(_source())
    with Mapper("xc7", tmp_path, seconds=1) as second:
        started = second.layer(_source())
        assert started == mapped
    assert len(list(tmp_path.iterdir())) == 1


def test_what_yosys_refuses_is_said_in_its_words(mapper: Mapper) -> None:
    with pytest.raises(StageError, match="'nonsense'"):
        mapper.layer(_source("module layer(input a); nonsense b(a); endmodule"))
    assert mapper.layer(_source()).resources.lut == 8  # the next one is mapped as ever


def test_one_that_takes_too_long_is_a_finding(tmp_path: Path) -> None:
    wide = _SUM.replace("a + b", "a * b + (a ^ b) * (a - b)").replace("[7:0]", "[40:0]")
    hasty = Mapper("xc7", tmp_path, seconds=1)
    with hasty, pytest.raises(NotMapped, match="more than 1 s"):
        hasty.layer(_source(wide))
    assert not list(tmp_path.iterdir())


def test_one_that_takes_too_much_memory_is_a_finding(tmp_path: Path) -> None:
    narrow = Mapper("xc7", tmp_path, memory=30_000_000)
    with narrow, pytest.raises(NotMapped, match="memory"):
        narrow.layer(_source())


def test_nothing_is_left_where_the_process_is_killed() -> None:
    hours = "assign s = (a ** b) ** (b ** a) % (a * b + 1) % (b - a);"
    mapper = Mapper("xc7", None)
    ended = []
    thread = threading.Thread(target=lambda: ended.append(_outcome(mapper, hours)))
    others = _children(os.getpid())
    thread.start()
    (server,) = _wait_for(lambda: [pid for pid in _children(os.getpid()) if pid not in others])
    (running,) = _wait_for(lambda: _children(server))
    os.kill(server, signal.SIGKILL)
    _wait_for(lambda: [not Path(f"/proc/{running}").exists()], 10)
    thread.join()
    assert isinstance(ended[0], NotMapped)


def _outcome(mapper: Mapper, body: str) -> Exception | None:
    text = f"module layer(input [31:0] a, input [31:0] b, output [31:0] s); {body} endmodule"
    try:
        mapper.layer(_source(text))
    except Exception as error:
        return error
    return None


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in listed for child in file.read_text().split()]


def _wait_for(found: Callable[[], list[Any]], seconds: float = 60) -> list[Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if any(seen := found()):
            return seen
        time.sleep(0.05)
    pytest.fail("nothing happened in time")


def test_other_families_are_refused() -> None:
    with pytest.raises(UnknownFamilyError):
        Mapper("versal", None)


def test_a_full_disk_is_named_as_such_whatever_yosys_says(tmp_path: Path) -> None:
    (tmp_path / "probe").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        _refuse_if_full(tmp_path)
