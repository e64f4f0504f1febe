"""Figures that others published: reports, modules and single layers are read as they are."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from finn_worker import toolchain
from finn_worker.calibration import checkout, dialect, modules, older_mvau, singles
from finn_worker.calibration.__main__ import family_of, main
from finn_worker.calibration.compared import Compared, as_csv
from finn_worker.calibration.kinds import kind_of
from finn_worker.calibration.published import parse
from finn_worker.mapping.mapped import Resources

# Hand-made in the form of Vivado 2022.2.
REPORT = """\
| Tool Version : Vivado v.2022.2 (lin64) Build 3671981 Fri Oct 14 04:59:54 MDT 2022
| Design       : finn_design_{name}_0
| Device       : xc7z020clg400-1
| Slice LUTs*             |    9 |     0 |          0 |     53200 |  0.02 |
|   LUT as Memory         |    1 |     0 |          0 |     17400 |  0.00 |
| Slice Registers         |    8 |     0 |          0 |    106400 |  0.01 |
|   RAMB36/FIFO*    |  1.0 |     0 |          0 |       140 |  0.00 |
|   RAMB18          |    1 |     0 |          0 |       280 |  0.00 |
| DSPs      |    2 |     0 |          0 |       220 |  0.00 |
"""
TOP = (
    "module finn_design_{name}_0(input clk, input [7:0] a, output [7:0] s);\n"
    "  {name} inst(.clk(clk), .a(a), .s(s));\nendmodule\n"
)
LAYER = """\
`default_nettype none
// module commented_out
module {name}(input clk, input [7:0] a, output reg [7:0] s);
  always @(posedge clk) s <= a + 8'd3 + s;
endmodule
"""


def write_build(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / f"{name}_utilization_synth.rpt").write_text(REPORT.format(name=name))
        (folder / f"{name}_top.v").write_text(TOP.format(name=name))
        (folder / f"{name}.v").write_text(LAYER.format(name=name))
        (folder / f"{name}_stub.v").write_text(f"module {name}(); endmodule\n")
    return folder


def test_a_report_is_read_by_its_names() -> None:
    found = parse(REPORT.format(name="StreamingFIFO_rtl_1"))
    assert found is not None
    assert (found.part, found.version) == ("xc7z020clg400-1", "2022.2")
    assert found.resources == Resources(lut=9, lutram=1, ff=8, bram18=3, bram36=1, dsp=2)
    newer = parse(REPORT.replace("Slice LUTs", "CLB LUTs").replace("Slice Reg", "CLB Reg"))
    assert newer is not None
    assert newer.resources == found.resources
    assert parse("no report of Vivado's") is None


def test_layers_of_a_checkout_have_their_sources_and_no_number(tmp_path: Path) -> None:
    build = write_build(tmp_path, "StreamingFIFO_rtl_1", "StreamingFIFO_rtl_10")
    second, first = checkout.layers(build)
    assert (first.kind, first.name) == ("FIFO", "StreamingFIFO_rtl_1")
    assert first.source == second.source  # equal layers are equal, whatever their number
    assert first.source is not None
    assert sorted(first.source.texts) == ["node.v", "node_top.v"]
    assert "default_nettype" not in first.source.texts["node.v"]


def test_a_layer_whose_verilog_is_missing_says_what_is(tmp_path: Path) -> None:
    build = write_build(tmp_path, "StreamingFIFO_rtl_1")
    (build / "StreamingFIFO_rtl_1_top.v").unlink()
    (layer,) = checkout.layers(build)
    assert (layer.source, layer.note) == (None, "finn_design_StreamingFIFO_rtl_1_0 is not there")


def test_a_checkout_is_mapped_and_equal_layers_count_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "build").mkdir()
    build = write_build(tmp_path / "build", "StreamingFIFO_rtl_1", "StreamingFIFO_rtl_10")
    output = tmp_path / "out.csv"
    assert main([str(build), "--output", str(output), "--cache", str(tmp_path / "cache")]) == 0
    (row,) = _rows(output.read_text())
    assert (row["kind"], row["alike"], row["ff_mapped"], row["ff_vivado"]) == (
        "FIFO",
        "2",
        "8",
        "8",
    )
    assert int(row["lut_mapped"]) >= 8
    assert "StreamingFIFO_rtl_10 x2" in capsys.readouterr().out


def test_a_checkout_of_which_nothing_can_be_mapped_is_an_error(tmp_path: Path) -> None:
    build = write_build(tmp_path, "StreamingFIFO_rtl_1")
    (build / "StreamingFIFO_rtl_1_top.v").unlink()
    output = tmp_path / "out.csv"
    assert main([str(build), "--output", str(output), "--cache", str(tmp_path / "cache")]) == 1


def test_a_folder_without_reports_is_an_error(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--output", str(tmp_path / "o"), "--cache", str(tmp_path)]) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"a,b\n1,2\n", "no column `kind`"), (b"\xff\x00", "no CSV file")],
)
def test_a_file_that_is_none_of_layers_is_an_error(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "layers.csv"
    file.write_bytes(content)
    with pytest.raises(SystemExit, match=said):
        singles.read(file)


def _rows(text: str) -> list[dict[str, str]]:
    names, *lines = (line.split(",") for line in text.splitlines())
    return [dict(zip(names, line, strict=True)) for line in lines]


def test_what_could_not_be_mapped_stays_in_the_file_with_its_reason() -> None:
    lost = Compared(
        kind="FIFO", layer="f", alike=1, part="p", tool="t", vivado=Resources(lut=5), mapped=None,
        note="it takes too long",
    )  # fmt: skip
    (row,) = _rows(as_csv([lost]))
    assert (row["lut_mapped"], row["lut_vivado"], row["note"]) == ("", "5", "it takes too long")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("StreamingFIFO_rtl_3", "FIFO"),
     ("MVAU_hls_0_wstrm", "weights"), ("MVAU_hls_0", "MVAU in HLS"),
     ("Thresholding_rtl", "threshold"), ("Novel_rtl_4", "Novel")],
)  # fmt: skip
def test_kinds(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_families() -> None:
    found = [family_of(part) for part in ("xc7z020clg400-1", "xczu7ev", "xcvc1902")]
    assert found == ["xc7", "xcup", None]


def test_verilog_of_others_is_made_readable_and_nothing_else() -> None:
    text = '(* RAM_STYLE = RAM_STYLE *) x; f #(.RAM_STYLE("a")); $readmemh("/tmp/a/b.dat", m);'
    assert dialect.fit(text) == (
        '(* ram_style = RAM_STYLE *) x; f #(.RAM_STYLE("a")); $readmemh("b.dat", m);'
    )
    assert dialect.fit("automatic type(A) a;") == "var automatic type(A) a;"


def test_packages_come_first_and_strangers_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.sv").write_text("module a; import p_pkg::*; b i(); endmodule\n")
    (tmp_path / "b.sv").write_text("module b; endmodule\n")
    (tmp_path / "p_pkg.sv").write_text("package p_pkg;\nendpackage\n")
    (tmp_path / "c.sv").write_text("module c; endmodule\n")
    names = list(modules.read(tmp_path).closure("a"))
    assert names[0] == "p_pkg.sv"
    assert set(names) == {"a.sv", "b.sv", "p_pkg.sv"}


def test_an_older_mvau_is_its_core_and_its_memory_of_weights(tmp_path: Path) -> None:
    (tmp_path / "core.sv").write_text("module mvu_vvu_axi; endmodule\n")
    (tmp_path / "mem.v").write_text(
        "module memstream_axi_wrapper; x y(.config_ce, .z); endmodule\n"
    )
    row = {"MW": "4", "MH": "16", "PE": "2", "SIMD": "4", "weights": "INT4", "input": "UINT8",
           "output": "INT13", "ram_style": "block"}  # fmt: skip
    core, memory = older_mvau.sources(row, "00\n11\n", modules.read(tmp_path))
    assert '.COMPUTE_CORE("mvu_8sx8u_dsp48")' in core.texts["layer.sv"]
    assert ".DEPTH(2), .WIDTH(32)" in memory.texts["layer.sv"]
    assert ".config_ce('0)" in memory.texts["mem.v"]
    assert json.dumps(dict(memory.memories)) == '{"weights.dat": "00\\n11\\n"}'
    assert older_mvau.core_of(4, 4) == "mvu_4sx4u_dsp48e2"


ROW = {
    "kind": "Thresholding_rtl", "channels": "8", "PE": "1", "steps": "15", "input": "INT14",
    "output": "UINT4", "lut": "72", "srl": "5", "ff": "208", "bram36": "1", "bram18": "2",
}  # fmt: skip


def test_a_file_of_compared_layers_is_a_file_of_single_layers(tmp_path: Path) -> None:
    vivado = singles.published(ROW)
    assert vivado == Resources(lut=72, lutram=5, ff=208, bram18=4, bram36=1)
    one = Compared(
        kind="threshold", layer=singles.name(ROW), alike=1, part="p", tool="t", vivado=vivado,
        mapped=None,
    )  # fmt: skip
    (tmp_path / "a.csv").write_text(as_csv([one]))
    (row,) = singles.read(tmp_path / "a.csv")
    assert singles.name(row) == singles.name(ROW)
    assert singles.published(row) == replace(vivado, bram36=0)  # known as halves


@pytest.mark.parametrize("lut", ["-1", "1000000000000", "many", "7.5"])
def test_a_figure_that_no_part_has_is_refused(lut: str) -> None:
    with pytest.raises(ValueError, match=r"lut = |invalid literal"):
        singles.published({**ROW, "lut": lut})


def test_a_single_layer_is_built_with_the_shape_that_is_published(tmp_path: Path) -> None:
    toolchain.prepare(tmp_path / "finn")
    (tmp_path / "layer").mkdir()
    (source,) = singles.sources(ROW, "xczu7ev-ffvc1156-2-e", tmp_path / "layer", None)
    text = "\n".join(source.texts.values())
    found = dict(re.findall(r"parameter\s+(\w+) = (\d+)", text))
    assert {name: found[name] for name in ("N", "WI", "C", "PE")} == {
        "N": "15", "WI": "14", "C": "8", "PE": "1",
    }  # fmt: skip
    assert source.memories
