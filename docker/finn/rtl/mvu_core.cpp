// See mvu_core.h. Compiled apart from the translated Verilog, and fully optimised.
#include "mvu_core.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace {

// `bits` wide integers, packed from the least significant bit of the first byte. With a sign they
// have at most 16 bits: mvu.sv refuses others.
class Unpacker {
public:
    Unpacker(uint32_t count, uint32_t bits, bool is_signed)
        : count_{count}, bits_{bits}, signed_{is_signed} {
        if (bits == 2 || bits == 4) fill_table();
    }

    // `data` is readable for 4 bytes beyond its last integer.
    void operator()(const uint8_t* data, int16_t* out) const {
        switch (bits_) {
        case 2: return lookup<4>(data, out);
        case 4: return lookup<2>(data, out);
        case 8: return signed_ ? widen<int8_t>(data, out) : widen<uint8_t>(data, out);
        default: return extract(data, out);
        }
    }

private:
    void fill_table() {
        const uint32_t per_byte = 8 / bits_;
        table_.resize(256 * per_byte);
        for (uint32_t byte = 0; byte < 256; ++byte) {
            for (uint32_t i = 0; i < per_byte; ++i) {
                table_[byte * per_byte + i] = value(byte >> (i * bits_));
            }
        }
    }

    int16_t value(uint32_t raw) const {
        const uint32_t masked = raw & ((1u << bits_) - 1);
        const uint32_t sign = signed_ ? 1u << (bits_ - 1) : 0;
        return static_cast<int16_t>(static_cast<int32_t>(masked ^ sign) - static_cast<int32_t>(sign));
    }

    template <uint32_t PerByte>
    void lookup(const uint8_t* data, int16_t* out) const {
        uint32_t i = 0;
        for (; i + PerByte <= count_; i += PerByte) {
            std::memcpy(out + i, &table_[*data++ * PerByte], PerByte * sizeof *out);
        }
        if (i < count_) std::memcpy(out + i, &table_[*data * PerByte], (count_ - i) * sizeof *out);
    }

    template <typename Byte>
    void widen(const uint8_t* data, int16_t* out) const {
        for (uint32_t i = 0; i < count_; ++i) out[i] = static_cast<Byte>(data[i]);
    }

    void extract(const uint8_t* data, int16_t* out) const {
        uint32_t position = 0;
        for (uint32_t i = 0; i < count_; ++i, position += bits_) {
            uint32_t word;
            std::memcpy(&word, data + position / 8, sizeof word);
            out[i] = value(word >> (position % 8));
        }
    }

    uint32_t count_;
    uint32_t bits_;
    bool signed_;
    std::vector<int16_t> table_;
};

template <typename Sum>
Sum dot(const int16_t* a, const int16_t* b, uint32_t count) {
    Sum sum = 0;
    for (uint32_t i = 0; i < count; ++i) sum += int32_t{a[i]} * int32_t{b[i]};
    return sum;
}

// Whether the sum of `count` products may need more than 32 bits.
bool is_wide(uint32_t weight_bits, uint32_t activation_bits, uint32_t count) {
    uint32_t bits = weight_bits + activation_bits;
    for (uint32_t reach = 1; reach < count; reach *= 2) ++bits;
    return bits > 31;
}

struct Core {
    uint32_t pe, simd, slots;
    bool wide;
    Unpacker unpack_weights, unpack_activations;
    std::vector<uint8_t> padded_weights, padded_activations;
    std::vector<int16_t> weights, activations;
    std::vector<int64_t> sums, queue;
    uint32_t head = 0, tail = 0;
};

Core& at(uint64_t address) { return *reinterpret_cast<Core*>(address); }

}  // namespace

uint64_t new_mvu_core(uint32_t pe, uint32_t simd, uint32_t weight_bits, uint32_t activation_bits,
                      uint32_t signed_activations, uint32_t latency) {
    auto* core = new Core{pe,
                          simd,
                          latency + 1,
                          is_wide(weight_bits, activation_bits, simd),
                          Unpacker{pe * simd, weight_bits, true},
                          Unpacker{simd, activation_bits, signed_activations != 0},
                          {},
                          {},
                          std::vector<int16_t>(pe * simd),
                          std::vector<int16_t>(simd),
                          std::vector<int64_t>(pe),
                          std::vector<int64_t>(size_t{pe} * (latency + 1))};
    core->padded_weights.resize((size_t{pe} * simd * weight_bits + 7) / 8 + 4);
    core->padded_activations.resize((size_t{simd} * activation_bits + 7) / 8 + 4);
    return reinterpret_cast<uint64_t>(core);
}

void reset_mvu_core(uint64_t core) {
    std::fill(at(core).sums.begin(), at(core).sums.end(), 0);
    at(core).head = at(core).tail = 0;
}

void step_mvu_core(uint64_t core, const void* weights, size_t weight_bytes, const void* activations,
                   size_t activation_bytes) {
    Core& c = at(core);
    std::memcpy(c.padded_weights.data(), weights, std::min(weight_bytes, c.padded_weights.size()));
    std::memcpy(c.padded_activations.data(), activations,
                std::min(activation_bytes, c.padded_activations.size()));
    c.unpack_weights(c.padded_weights.data(), c.weights.data());
    c.unpack_activations(c.padded_activations.data(), c.activations.data());
    for (uint32_t pe = 0; pe < c.pe; ++pe) {
        const int16_t* weights_of_pe = &c.weights[size_t{pe} * c.simd];
        c.sums[pe] += c.wide ? dot<int64_t>(weights_of_pe, c.activations.data(), c.simd)
                             : dot<int32_t>(weights_of_pe, c.activations.data(), c.simd);
    }
}

void end_mvu_core(uint64_t core) {
    Core& c = at(core);
    std::copy(c.sums.begin(), c.sums.end(), c.queue.begin() + size_t{c.tail} * c.pe);
    c.tail = (c.tail + 1) % c.slots;
    std::fill(c.sums.begin(), c.sums.end(), 0);
}

int64_t read_mvu_core(uint64_t core, uint32_t pe) {
    return at(core).queue[size_t{at(core).head} * at(core).pe + pe];
}

void next_mvu_core(uint64_t core) { at(core).head = (at(core).head + 1) % at(core).slots; }
