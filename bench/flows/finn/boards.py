"""The boards that FINN+ builds for, as it spells them: `finn.util.basic.pynq_part_map`."""

BOARD_PARTS = {
    "AUP-ZU3_8GB": "xczu3eg-sfvc784-2-e",
    "KV260_SOM": "xck26-sfvc784-2LV-c",
    "Pynq-Z1": "xc7z020clg400-1",
    "Pynq-Z2": "xc7z020clg400-1",
    "RFSoC2x2": "xczu28dr-ffvg1517-2-e",
    "RFSoC4x2": "xczu48dr-ffvg1517-2-e",
    "Ultra96": "xczu3eg-sbva484-1-e",
    "Ultra96-V2": "xczu3eg-sbva484-1-i",
    "ZCU102": "xczu9eg-ffvb1156-2-e",
    "ZCU104": "xczu7ev-ffvc1156-2-e",
    "ZCU111": "xczu28dr-ffvg1517-2-e",
}
"""The FPGA of each board, as Vivado spells it."""
