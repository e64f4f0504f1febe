// See mvu_core.h. Compiled apart from the translated Verilog, and fully optimised.
#include "mvu_core.h"

#include <algorithm>
#include <cstring>
#include <optional>
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

// Sums of products of 2-bit integers, which stay packed: 4 products in a byte, many bytes at a time.
//
// A weight is its low bit less twice its high bit, so a product is the activation where the low bit
// is set, less twice the activation where the high bit is. An activation with a sign is taken as 2
// more than it is, so that it has none, and where a bit is not set, 2 stands for 0. That makes each
// sum of a byte 8 too large, and the difference 8 too small.
class PackedSums {
public:
    PackedSums(uint32_t pe, uint32_t simd, bool is_signed)
        : bytes_{simd / 4},
          zero_{is_signed ? uint8_t{0xAA} : uint8_t{0}},
          row_((size_t{pe} * bytes_ + 7) / 8),
          sums_(size_t{pe} * bytes_) {}

    // Whether the bytes of a PE, repeated, make whole words.
    static bool fit(uint32_t simd, uint32_t weight_bits, uint32_t activation_bits) {
        const bool words = simd % 32 == 0 || simd == 4 || simd == 8 || simd == 16;
        return words && weight_bits == 2 && activation_bits == 2;
    }

    void add(const uint8_t* weights, const uint8_t* activations, std::vector<int64_t>& sums) {
        if (++steps_ == kMost) move_to(sums);
        repeat(activations);
        add_bytes(weights, reinterpret_cast<const uint8_t*>(row_.data()), sums_.data());
    }

    // Add what was summed to the sums of each PE, and begin anew.
    void move_to(std::vector<int64_t>& sums) {
        for (size_t i = 0; i < sums_.size(); ++i) sums[i / bytes_] += sums_[i];
        clear();
    }

    void clear() {
        std::fill(sums_.begin(), sums_.end(), 0);
        steps_ = 0;
    }

private:
    static constexpr uint32_t kMost = 1000;  // a step adds -24 to 24

    // The activations once for each PE.
    void repeat(const uint8_t* activations) {
        if (bytes_ > 8) {
            const size_t words = bytes_ / 8;
            for (size_t i = 0; i < row_.size(); i += words) std::memcpy(&row_[i], activations, bytes_);
        } else {
            uint64_t word = 0;
            std::memcpy(&word, activations, bytes_);
            for (size_t bits = 8 * bytes_; bits < 64; bits *= 2) word |= word << bits;
            std::fill(row_.begin(), row_.end(), word);
        }
    }

    void add_bytes(const uint8_t* __restrict weights, const uint8_t* __restrict activations,
                   int16_t* __restrict sums) const {
        const uint8_t zero = zero_;
        const int16_t missing = zero == 0 ? 0 : 8;
        const size_t count = sums_.size();
        for (size_t i = 0; i < count; ++i) {
            const uint8_t low = weights[i] & 0x55, high = weights[i] >> 1 & 0x55;
            const uint8_t ones = (activations[i] & (low | low << 1)) ^ zero;
            const uint8_t twos = (activations[i] & (high | high << 1)) ^ zero;
            sums[i] += static_cast<int16_t>(sum_of_four(ones) - 2 * sum_of_four(twos) + missing);
        }
    }

    // Of the 2-bit integers in a byte.
    static uint8_t sum_of_four(uint8_t byte) {
        const uint8_t pairs = (byte & 0x33) + (byte >> 2 & 0x33);
        return (pairs & 0x0F) + (pairs >> 4);
    }

    size_t bytes_;  // of a PE
    uint8_t zero_;
    uint32_t steps_ = 0;
    std::vector<uint64_t> row_;
    std::vector<int16_t> sums_;  // of each byte
};

struct Core {
    uint32_t pe, simd, slots;
    bool wide;
    std::optional<PackedSums> packed;  // where they fit, in place of all that is unpacked
    Unpacker unpack_weights, unpack_activations;
    std::vector<uint8_t> padded_weights, padded_activations;
    std::vector<int16_t> weights, activations;
    std::vector<int64_t> sums, queue;
    uint32_t head = 0, tail = 0;
};

bool left_out = false;

Core& at(uint64_t address) { return *reinterpret_cast<Core*>(address); }

}  // namespace

void leave_out_mvu_cores() { left_out = true; }

uint64_t new_mvu_core(uint32_t pe, uint32_t simd, uint32_t weight_bits, uint32_t activation_bits,
                      uint32_t signed_activations, uint32_t latency) {
    if (left_out) return 0;
    auto* core = new Core{pe,
                          simd,
                          latency + 1,
                          is_wide(weight_bits, activation_bits, simd),
                          std::nullopt,
                          Unpacker{pe * simd, weight_bits, true},
                          Unpacker{simd, activation_bits, signed_activations != 0},
                          {},
                          {},
                          std::vector<int16_t>(pe * simd),
                          std::vector<int16_t>(simd),
                          std::vector<int64_t>(pe),
                          std::vector<int64_t>(size_t{pe} * (latency + 1))};
    if (PackedSums::fit(simd, weight_bits, activation_bits)) {
        core->packed.emplace(pe, simd, signed_activations != 0);
    }
    core->padded_weights.resize((size_t{pe} * simd * weight_bits + 7) / 8 + 4);
    core->padded_activations.resize((size_t{simd} * activation_bits + 7) / 8 + 4);
    return reinterpret_cast<uint64_t>(core);
}

void reset_mvu_core(uint64_t core) {
    std::fill(at(core).sums.begin(), at(core).sums.end(), 0);
    if (at(core).packed) at(core).packed->clear();
    at(core).head = at(core).tail = 0;
}

void step_mvu_core(uint64_t core, const void* weights, size_t weight_bytes, const void* activations,
                   size_t activation_bytes) {
    Core& c = at(core);
    if (c.packed) {
        c.packed->add(static_cast<const uint8_t*>(weights),
                      static_cast<const uint8_t*>(activations), c.sums);
        return;
    }
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
    if (c.packed) c.packed->move_to(c.sums);
    std::copy(c.sums.begin(), c.sums.end(), c.queue.begin() + size_t{c.tail} * c.pe);
    c.tail = (c.tail + 1) % c.slots;
    std::fill(c.sums.begin(), c.sums.end(), 0);
}

int64_t read_mvu_core(uint64_t core, uint32_t pe) {
    return at(core).queue[size_t{at(core).head} * at(core).pe + pe];
}

void next_mvu_core(uint64_t core) { at(core).head = (at(core).head + 1) % at(core).slots; }
