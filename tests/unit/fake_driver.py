"""Stand-ins for PYNQ and finn-plus-driver 1.6.1, as far as docker/board/pynq_board.py uses them.

Names, signatures and meanings are those of the published driver: `get_driver_class`, the overlay's
constructor and `fclk_mhz_actual`, `batch_size`, `ishape_normal`, `execute`, `execute_on_buffers`.
"""

from __future__ import annotations

from pathlib import Path

DRIVER = """
import numpy as np
import time
import pynq

class FINNDMAOverlay:
    def __init__(self, bitfile_name, platform, io_shape_dict, batch_size=1, fclk_mhz=100.0,
                 device=None, download=True, runtime_weight_dir="runtime_weights/",
                 mlo_weight_dir="mlo_weights/", runtime_weights=False, validation_dataset=None,
                 **kwargs):
        print("a driver that talks")
        assert platform == "zynq-iodma"
        assert open(bitfile_name, "rb").read()
        self._shape = io_shape_dict["ishape_normal"][0]
        self._outputs = io_shape_dict["oshape_normal"][0][1]
        self.batch_size = batch_size
        self.fclk_mhz_actual = fclk_mhz
        pynq.ps.Clocks.fclk0_mhz = pynq.ps.rounded

    def ishape_normal(self, ind=0):
        return (self.batch_size, *self._shape[1:])

    def execute(self, images):
        assert images.shape == self.ishape_normal(), (images.shape, self.ishape_normal())
        assert images.dtype == np.uint8
        return images[:, : self._outputs].astype(np.float32) - 100

    def execute_on_buffers(self, asynch=False, batch_size=None):
        time.sleep(self.batch_size * 1e-5)

def get_driver_class(name):
    return {"FINNDMAOverlay": FINNDMAOverlay}[name]
"""


def install(folder: Path, clock_mhz: float = 100.0) -> None:
    """Write the stand-ins into `folder`, a board whose clock output is really `clock_mhz`."""
    modules = {
        "finn_plus_driver": DRIVER,
        "pynq": "from pynq import ps\n",
        "pynq/ps": f"rounded = {clock_mhz}\n\nclass Clocks:\n    fclk0_mhz = 0.0\n",
    }
    for name, text in modules.items():
        path = folder / f"{name}/__init__.py" if "/" not in name else folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, version in (("finn_plus_driver", "1.6.1"), ("pynq", "3.0.1")):
        described = folder / f"{name}-{version}.dist-info"
        described.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        (described / "METADATA").write_text(text)


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
