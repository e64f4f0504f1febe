"""What primitives take, and how functions share LUTs."""

from __future__ import annotations

import pytest

from finn_worker.mapping.cells import Cell, UnknownCellError, cells_of, count
from finn_worker.mapping.combining import pairs
from finn_worker.mapping.mapped import Resources, total


def _nets(*functions: str) -> list[frozenset[int]]:
    return [frozenset(map(ord, function)) for function in functions]


@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        (_nets("ab", "ab"), 1),
        (_nets("abc", "cde"), 1),
        (_nets("abcd", "defg"), 0),  # 7 inputs
        (_nets("ab", "cd"), 0),  # none in common
        (_nets("abcdef", "ab"), 0),  # a LUT6 alone
        (_nets("abc", "abc", "abc"), 1),
        (_nets("abcde", "abcde", "ab", "bc"), 2),
        # The first takes the second, with which it shares more, and leaves the others.
        (_nets("abcd", "abc", "de", "df"), 2),
        ([], 0),
    ],
)
def test_two_functions_of_five_inputs_share_a_lut(
    functions: list[frozenset[int]], expected: int
) -> None:
    assert pairs(functions) == expected


def test_every_kind_of_primitive_is_counted() -> None:
    kinds = ["LUT6", "INV", "LUT6_2", "SRL16E", "RAM64M", "FDRE", "FDSE", "CARRY4", "MUXF7"]
    kinds += ["RAMB18E1", "RAMB36E1", "DSP48E1", "URAM288"]
    resources, cells = count([Cell(kind) for kind in kinds])
    assert resources == Resources(
        lut=8, lut_raw=8, lutram=5, ff=2, carry=1, bram18=3, bram36=1, uram=1, dsp=1
    )
    assert cells == dict.fromkeys(kinds, 1)


def test_a_primitive_that_nobody_knows_is_refused_unless_it_is_mapped_apart() -> None:
    with pytest.raises(UnknownCellError, match="mystery"):
        count([Cell("mystery")])
    assert count([Cell("mystery")], boxes=["mystery"])[0] == Resources()


def _lut(inputs: str, out: int) -> dict[str, object]:
    ports = {f"I{number}": [ord(net)] for number, net in enumerate(inputs)}
    directions = {**dict.fromkeys(ports, "input"), "O": "output"}
    return {
        "type": f"LUT{len(inputs)}",
        "connections": {**ports, "O": [out]},
        "port_directions": directions,
    }


def _chain(select: object, data: object) -> dict[str, object]:
    return {
        "type": "CARRY4",
        "connections": {"S": [select, "0", "0", "0"], "DI": [data, "0", "0", "0"]},
        "port_directions": {"S": "input", "DI": "input"},
    }


def _luts(*cells: dict[str, object]) -> int:
    return count(cells_of({"cells": dict(enumerate(cells))}))[0].lut


def test_a_lut_of_a_carry_chain_is_not_shared() -> None:
    assert _luts(_lut("ab", 1), _lut("ab", 2)) == 1
    assert _luts(_lut("ab", 1), _lut("ab", 2), _chain(1, ord("a"))) == 2


def test_both_functions_at_a_position_of_a_carry_chain_share_a_lut() -> None:
    assert _luts(_lut("abcd", 1), _lut("abcd", 2), _chain(1, 2)) == 1
    assert _luts(_lut("abcd", 1), _lut("abde", 2), _chain(1, 2)) == 1
    assert _luts(_lut("abcd", 1), _lut("adef", 2), _chain(1, 2)) == 2  # six inputs
    assert _luts(_lut("abcdef", 1), _lut("ab", 2), _chain(1, 2)) == 2
    # What is read elsewhere, too, leaves its LUT; what is at different positions has two.
    reader = {"type": "FDRE", "connections": {"D": [2]}, "port_directions": {"D": "input"}}
    assert _luts(_lut("abcd", 1), _lut("abcd", 2), _chain(1, 2), reader) == 2
    assert _luts(_lut("abcd", 1), _lut("abcd", 2), _chain(1, "0"), _chain("0", 2)) == 2


def test_resources_add_up() -> None:
    one, other = Resources(lut=1, ff=2), Resources(lut=3, dsp=1)
    assert total([one, other, one]) == one * 2 + other == Resources(lut=5, ff=4, dsp=1)
