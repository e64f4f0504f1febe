"""The stage `measure` before anything is connected."""

from __future__ import annotations

from bench.boards.measure import Package, Port


def test_a_dma_moves_bytes_and_several_in_a_cycle() -> None:
    package = Package(
        board="Pynq-Z1", part="xc7z020clg400-1", clock_mhz=100.0, dma_bytes_per_cycle=8,
        input=Port(datatype="UINT8", elements=784, beats=49, bytes_per_beat=16),
        output=Port(datatype="INT9", elements=10, beats=10, bytes_per_beat=2),
    )  # fmt: skip
    assert package.dma_cycles == 98
    wide = package.output.model_copy(update={"bytes_per_beat": 100})
    assert package.model_copy(update={"output": wide}).dma_cycles == 125
