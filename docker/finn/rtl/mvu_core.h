// Dot products of packed integers: what the stand-in for FINN's mvu.sv computes.
#ifndef MVU_CORE_H
#define MVU_CORE_H

#include <cstddef>
#include <cstdint>

// Make no more units: new_mvu_core returns 0, and no results are to be asked for.
void leave_out_mvu_cores();
// A unit of `pe` accumulators over `simd` products; `latency` bounds the results not yet read.
// Returns the address of the unit, which lives until the process ends.
uint64_t new_mvu_core(uint32_t pe, uint32_t simd, uint32_t weight_bits, uint32_t activation_bits,
                      uint32_t signed_activations, uint32_t latency);
void reset_mvu_core(uint64_t core);
// Add the products of `weights` (pe x simd packed integers) and `activations` (simd of them).
void step_mvu_core(uint64_t core, const void* weights, size_t weight_bytes, const void* activations,
                   size_t activation_bytes);
// Queue the sums and start new ones.
void end_mvu_core(uint64_t core);
// Sum `pe` of the oldest queued result.
int64_t read_mvu_core(uint64_t core, uint32_t pe);
// Drop the oldest queued result.
void next_mvu_core(uint64_t core);

// As Verilator calls it: vectors are CData to QData or VlWide, by their width.
template <typename Weights, typename Activations>
inline void step_mvu_core(uint64_t core, const Weights& weights, const Activations& activations) {
    step_mvu_core(core, &weights, sizeof weights, &activations, sizeof activations);
}

#endif
