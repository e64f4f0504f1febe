"""Stands for FINN+'s overlay: what docker/board/pynq_board.py relies on, with the same demands.

It takes FINN+'s settings.json whole, reads the clock from the .hwh file, allocates a buffer for
each batch size, insists on its shapes, and finds its DMAs busy when it was interrupted. What the
hardware computes is the first elements of each image, less 100.
"""

import time
import xml.etree.ElementTree as ET

import numpy as np
from pynq import Overlay, allocate
from pynq.ps import Clocks

SECONDS_PER_IMAGE = 1e-5


class FINNDMAOverlay(Overlay):
    def __init__(
        self,
        bitfile_name,
        platform,
        io_shape_dict,
        batch_size=1,
        fclk_mhz=100.0,
        device=None,
        download=True,
        runtime_weight_dir="runtime_weights/",
        mlo_weight_dir="mlo_weights/",
        runtime_weights=False,
        validation_dataset=None,
        **kwargs,
    ):
        super().__init__(bitfile_name, download=download, device=device)
        print("a driver that talks")
        self.io_shape_dict = io_shape_dict
        for kind in ("idt", "odt"):  # as FINN+ writes them: "DataType['UINT8']"
            assert all(name.startswith("DataType['") for name in io_shape_dict[kind])
        self.platform = platform
        self.batch_size = batch_size
        assert io_shape_dict["idma_names"] == ["idma0"]
        assert io_shape_dict["odma_names"] == ["odma0"]
        Clocks.fclk0_mhz = 100.0
        self.fclk_mhz_actual = float(_wizard(bitfile_name).get("CLKOUT1_OUT_FREQ", fclk_mhz))

    @property
    def batch_size(self):
        return self._batch_size

    @batch_size.setter
    def batch_size(self, value):
        self._batch_size = value
        cacheable = {"alveo": False, "zynq-iodma": True}[self.platform]
        self.ibuf_packed_device = [
            allocate(shape=self._shape("ishape_packed"), dtype=np.uint8, cacheable=cacheable,
                     target=self.device)
        ]  # fmt: skip

    def _shape(self, name, ind=0):
        return (self.batch_size, *self.io_shape_dict[name][ind][1:])

    def ishape_normal(self, ind=0):
        return self._shape("ishape_normal", ind)

    def oshape_normal(self, ind=0):
        return self._shape("oshape_normal", ind)

    def execute_on_buffers(self, asynch=False, batch_size=None):
        assert self.odma0.read(0x00) & 0x4 != 0, "Output DMA 0 is not idle"
        time.sleep((batch_size or self.batch_size) * SECONDS_PER_IMAGE)

    def execute(self, input_npy):
        assert input_npy.shape == self.ishape_normal()
        assert input_npy.dtype == np.uint8  # others take the driver's slow way to pack
        packed = input_npy.reshape(self._shape("ishape_folded")).reshape(
            self._shape("ishape_packed")
        )
        np.copyto(self.ibuf_packed_device[0], packed)
        self.execute_on_buffers()
        width = self.oshape_normal()[-1]
        outputs = self.ibuf_packed_device[0].reshape(self.batch_size, -1)[:, :width]
        return outputs.astype(np.float32).reshape(self.oshape_normal()) - 100


def _wizard(bitfile_name):
    """The parameters of the bitstream's clocking wizard."""
    for module in ET.parse(bitfile_name.replace(".bit", ".hwh")).getroot().iter("MODULE"):
        if module.get("INSTANCE") == "clk_wiz_0":
            return {item.get("NAME"): item.get("VALUE") for item in module.iter("PARAMETER")}
    return {}
