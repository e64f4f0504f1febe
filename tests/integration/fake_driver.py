"""A board's packages by stand-ins for PYNQ and finn-plus-driver, and what goes with a bitstream.

Names, signatures and meanings are those that are published; tests/integration compares signatures.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

STAND_INS = Path(__file__).parent / "stand_ins"


def install(folder: Path) -> None:
    """Put the stand-ins into `folder`, as packages that pip installed."""
    shutil.copytree(STAND_INS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, version in (("finn_plus_driver", "1.6.1"), ("pynq", "3.0.1")):
        described = folder / f"{name}-{version}.dist-info"
        described.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        (described / "METADATA").write_text(text)


def settings(elements: int, classes: int) -> dict[str, Any]:
    """A settings.json as FINN+'s MakePYNQDriver writes it, for a MLP on bytes."""
    shapes = {
        "idt": ["DataType['UINT8']"], "idma_names": ["idma0"], "num_inputs": 1,
        "ishape_normal": [[1, elements]], "ishape_folded": [[1, 2, elements // 2]],
        "ishape_packed": [[1, 2, elements // 2]],
        "odt": ["DataType['INT9']"], "odma_names": ["odma0"], "num_outputs": 1,
        "oshape_normal": [[1, classes]], "oshape_folded": [[1, classes, 1]],
        "oshape_packed": [[1, classes, 2]],
        "number_of_external_weights": 0, "external_weights_input_shapes": {},
    }  # fmt: skip
    driver = {
        "driver_type": "FINNDMAOverlay", "platform": "zynq-iodma", "io_shape_dict": shapes,
        "external_weights": False, "runtime_weights": False, "fclk_mhz": 100.0,
    }  # fmt: skip
    return {"driver_information": driver, "experiment_information": {}}


def hwh_file(clock_mhz: float) -> str:
    """The part of a .hwh file that tells of the clocking wizard."""
    return (
        '<EDKSYSTEM><MODULES><MODULE INSTANCE="clk_wiz_0"><PARAMETERS>'
        f'<PARAMETER NAME="CLKOUT1_OUT_FREQ" VALUE="{clock_mhz:.3f}"/>'
        "</PARAMETERS></MODULE></MODULES></EDKSYSTEM>"
    )


def bit_file(part: str) -> bytes:
    """The start of a .bit file for `part`, as Vivado writes it, and a few bytes of content."""

    def field(letter: bytes, text: str) -> bytes:
        data = text.encode() + b"\0"
        return letter + len(data).to_bytes(2, "big") + data

    magic = b"\x0f\xf0\x0f\xf0\x0f\xf0\x0f\xf0\x00"
    head = len(magic).to_bytes(2, "big") + magic + b"\x00\x01"
    fields = field(b"a", "top_wrapper;UserID=0XFFFFFFFF;Version=2022.2") + field(b"b", part)
    fields += field(b"c", "2024/01/01") + field(b"d", "12:00:00")
    return head + fields + b"e" + (4).to_bytes(4, "big") + bytes(4)
