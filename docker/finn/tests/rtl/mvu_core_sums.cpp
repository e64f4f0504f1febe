// The compute core in C++ beside the plain sum of products; prints how many sums differed, and all.
//
// Arguments: PEs, SIMD, whether activations have a sign, products in a row. All integers have 2 bits.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "mvu_core.h"

namespace {

std::mt19937 random_bits{1};

// In every third sum all integers are the same ones.
uint32_t pick(uint32_t sum, uint32_t constant) { return sum % 3 == 0 ? constant : random_bits() & 3u; }

void put(std::vector<uint8_t>& packed, size_t lane, uint32_t value) {
    packed[lane / 4] |= static_cast<uint8_t>(value << 2 * (lane % 4));
}

int64_t with_sign(uint32_t value) { return int64_t{value} - (value > 1 ? 4 : 0); }

}  // namespace

int main(int, char** argv) {
    const auto argument = [&](int i) { return static_cast<uint32_t>(std::atol(argv[i])); };
    const uint32_t pe = argument(1), simd = argument(2), is_signed = argument(3), row = argument(4);
    const uint64_t core = new_mvu_core(pe, simd, 2, 2, is_signed, 3);
    uint32_t different = 0, sums = 0;
    for (uint32_t sum = 0; sum < 12; ++sum) {
        std::vector<int64_t> expected(pe);
        for (uint32_t step = 0; step < row; ++step) {
            std::vector<uint8_t> weights(pe * simd / 4 + 8), activations(simd / 4 + 8);
            std::vector<int64_t> inputs(simd);
            for (uint32_t s = 0; s < simd; ++s) {
                const uint32_t a = pick(sum, is_signed ? 2 : 3);
                inputs[s] = is_signed ? with_sign(a) : a;
                put(activations, s, a);
            }
            for (size_t lane = 0; lane < size_t{pe} * simd; ++lane) {
                const uint32_t w = pick(sum, sum % 2 == 0 ? 2 : 1);
                expected[lane / simd] += with_sign(w) * inputs[lane % simd];
                put(weights, lane, w);
            }
            step_mvu_core(core, weights.data(), weights.size(), activations.data(), activations.size());
        }
        if (sum == 1) reset_mvu_core(core);
        else end_mvu_core(core);
        for (uint32_t i = 0; sum != 1 && i < pe; ++i, ++sums) {
            different += read_mvu_core(core, i) != expected[i];
        }
        if (sum != 1) next_mvu_core(core);
    }
    std::printf("%u %u\n", different, sums);
}
