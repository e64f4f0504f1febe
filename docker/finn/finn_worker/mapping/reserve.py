"""What of a part is not the accelerator's: the shell around it, with its DMAs."""

from __future__ import annotations

from finn_worker.mapping.mapped import Resources

# Outside of the layers of a published FINN build for the xc7z020 with Vivado 2022.2: processor
# system, interconnect and two DMAs.
RESERVE = Resources(lut=7571, lut_raw=7571, ff=10015, bram18=3, dsp=2)
SOURCE = (
    "a published FINN build for xc7z020, outside of its layers (Finn_outputs/LPYOLO in "
    "PozhilanKarthikeyan/Bharath_AI_SOC_Challenge_Submission)"
)
