"""Faults put into the stand-ins on purpose: a test of FINN+'s has to find each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from finn_worker.simulator_build import OWN_RTL, Sources

MVAU = "test_fpgadataflow_rtl_mvau[False-False-1.66-{part}-{types}-{folding}-32-18]"
SMALL_PART, LARGE_PART = "xc7z020clg400-1", "xcku3p-ffva676-1-e"
FOUR_BITS, EIGHT_BITS = "idt_wdt0", "idt_wdt1"
# Folding: (PE, SIMD)
P1_S16, P9_S1 = "pe_simd_th_mem1", "pe_simd_th_mem3"
WIDE = MVAU.format(part=SMALL_PART, types=FOUR_BITS, folding=P1_S16)
TALL = MVAU.format(part=SMALL_PART, types=FOUR_BITS, folding=P9_S1)
TALL_EIGHT = MVAU.format(part=LARGE_PART, types=EIGHT_BITS, folding=P9_S1)
SIGNED = "test_fpgadataflow_rtl_dynamic_mvau[rtl-xcku3p-ffva676-1-e-idt_wdt1-8-1-32-16-32]"
SIGNED_EIGHT = "test_fpgadataflow_rtl_dynamic_mvau[rtl-xcku3p-ffva676-1-e-idt_wdt0-8-1-32-16-32]"

THRESHOLDING = (
    "test_fpgadataflow_thresholding"
    "[False-internal_embedded-rtlsim-rtl-False-{folding}-{types}-{output}-num_input_vecs1-6]"
)
# Of INT8 and UINT5 with 15 thresholds; of INT8 with 14, and a channel at a time.
TO_INT4 = THRESHOLDING.format(folding="False-2", types="idt_tdt_cfg0", output="activation1")
OF_UINT5 = THRESHOLDING.format(folding="False-2", types="idt_tdt_cfg1", output="activation0")
NARROW = THRESHOLDING.format(folding="True--1", types="idt_tdt_cfg2", output="activation1")
CONVERTER = "test_fpgadataflow_dwc[rtl-rtlsim-non-integer-ratio-down]"
LANES = "pe < PE; pe++) begin\n\t\t\t\t\tresult"


@dataclass(frozen=True)
class Mutant:
    """A textual change of one of the stand-ins' files.

    Attributes:
        name: Of letters, digits, dashes and dots.
        file: The name of the file, which contains `old` once.
        killer: Name of the test that finds it.
    """

    name: str
    file: str
    old: str
    new: str
    killer: str

    def applied(self, sources: Sources) -> Sources:
        """The sources with the fault in them; those without the file are returned as they are."""
        return replace(
            sources,
            rtl={name: self._changed(name, text) for name, text in sources.rtl.items()},
            cpp={name: self._changed(name, text) for name, text in sources.cpp.items()},
        )

    def _changed(self, name: str, text: str) -> str:
        return text.replace(self.old, self.new) if name == self.file else text


def _mutants(file: str, *changes: tuple[str, str, str, str]) -> tuple[Mutant, ...]:
    text = next(OWN_RTL.rglob(file)).read_text(encoding="utf-8")
    for name, old, _, _ in changes:
        if text.count(old) != 1:
            raise ValueError(f"{name} has to change {old!r}, which is not once in {file}")
    return tuple(Mutant(name, file, old, new, killer) for name, old, new, killer in changes)


MUTANTS = (
    *_mutants(
        "mvu.sv",
        ("mvu-early", "LATENCY = 3 +", "LATENCY = 2 +", WIDE),
        ("mvu-one-input-early", "+ (SIMD == 1)", "", TALL),
        ("mvu-tree-too-deep", "$clog2(SIMD)", "$clog2(SIMD+1)", WIDE),
        ("mvu-lane-dropped", "pe < PE; pe++", "pe + 1 < PE; pe++", TALL),
        ("mvu-gap-counted", "if(!zero && ", "if(", WIDE),
        ("mvu-inputs-unsigned", "32'(SIGNED_ACTIVATIONS)", "0", SIGNED),
    ),
    *_mutants(
        "mvu_core.cpp",
        ("core-weights-unsigned", "simd, weight_bits, true", "simd, weight_bits, false", WIDE),
        ("core-sign-bit", "1u << (bits_ - 1) : 0", "1u << (bits_ - 2) : 0", WIDE),
        ("core-bytes-signed", "widen<uint8_t>", "widen<int8_t>", TALL_EIGHT),
        ("core-bytes-unsigned", "widen<int8_t>", "widen<uint8_t>", SIGNED_EIGHT),
        ("core-odd-dropped", "if (i < count_) std::memcpy", "if (false) std::memcpy", TALL),
        ("core-product-dropped", "i < count; ++i) sum", "i + 1 < count; ++i) sum", WIDE),
        (
            "core-sum-kept",
            "c.tail = (c.tail + 1) % c.slots;\n    std::fill(c.sums.begin(), c.sums.end(), 0);",
            "c.tail = (c.tail + 1) % c.slots;",
            WIDE,
        ),
    ),
    *_mutants(
        "memstream.sv",
        ("weights-late", "START = 5", "START = 9", WIDE),
        ("weights-short", "ADDR_WIDTH'(DEPTH-1)", "ADDR_WIDTH'(DEPTH-2)", WIDE),
        ("weights-not-waiting", "if(ovld && ordy)", "if(ovld)", WIDE),
    ),
    *_mutants(
        "thresholding.sv",
        ("threshold-signed-above", "$signed(t) <= $signed(x)", "$signed(t) < $signed(x)", NARROW),
        ("threshold-unsigned-above", ": t <= x", ": t < x", OF_UINT5),
        ("threshold-unsigned", "SIGNED? $signed(t)", "(1 == 0)? $signed(t)", TO_INT4),
        ("threshold-early", "LATENCY = (DEEP_PIPELINE+1)*M;", "LATENCY = M;", TO_INT4),
        ("threshold-queue-short", "LATENCY + 3", "LATENCY + 2", NARROW),
        ("threshold-bias-lost", "idat[pe]) + BIAS", "idat[pe])", TO_INT4),
        ("threshold-channels", "Channel == CF-1", "Channel == 0", TO_INT4),
        ("threshold-lane-dropped", LANES, LANES.replace("pe < PE", "pe + 1 < PE"), TO_INT4),
        ("threshold-unreachable", "reached && (found < reachable)", "reached", NARROW),
    ),
    *_mutants(
        "dwc_axi.sv",
        ("converter-no-room", "Held <= OBITS", "Held < OBITS", CONVERTER),
        ("converter-late", "Held >= OBITS", "Held > OBITS", CONVERTER),
        ("converter-shift", "Buf >> OBITS", "Buf >> (OBITS-1)", CONVERTER),
    ),
    *_mutants(
        "stream_fifo.sv",
        ("fifo-too-small", "(items > 4? items : 5) - 1", "items - 1", WIDE),
        ("fifo-one-more", "Stored < Slots", "Stored <= Slots", WIDE),
        (
            "fifo-never-block",
            "MAY_BE_BLOCK && (depth > 257)",
            "MAY_BE_BLOCK && (depth > 512)",
            WIDE,
        ),
        ("fifo-order", "Mem[Wr] = idat", "Mem[Wr ^ ABITS'(1)] = idat", WIDE),
    ),
)
