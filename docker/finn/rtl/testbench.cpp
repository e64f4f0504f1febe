// Feeds images to the simulated accelerator, collects its outputs and measures its cycles.
//
// It knows the accelerator through model.h alone, so it is compiled once for all of them.
#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "model.h"
#include "mvu_core.h"
#include "options.h"

namespace {

struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<FILE, Close>;

File open(const std::string& path, const char* mode) {
    File file(std::fopen(path.c_str(), mode));
    if (!file) throw Failure("cannot open " + path + ": " + std::strerror(errno));
    return file;
}

std::string absolute(const std::string& existing) {
    char* path = realpath(existing.c_str(), nullptr);
    if (path == nullptr) throw Failure("cannot find " + existing);
    const std::string found(path);
    std::free(path);
    return found;
}

// Images as beats, each padded to whole bytes.
std::vector<uint8_t> read_beats(const Options& options) {
    const size_t element_bytes = (kDesign.in.bits + 7) / 8;
    const size_t image_bytes = kDesign.in.elements * element_bytes;
    std::vector<uint8_t> raw(options.images * image_bytes);
    File file = open(options.input, "rb");
    if (std::fread(raw.data(), 1, raw.size(), file.get()) != raw.size()) {
        throw Failure(options.input + " holds fewer than " + std::to_string(options.images) +
                      " images of " + std::to_string(image_bytes) + " bytes");
    }
    if (kDesign.in.bits == 8) return raw;
    std::vector<uint8_t> beats(options.images * kDesign.in.beats * kDesign.in.bytes_per_beat);
    for (size_t i = 0; i < options.images * kDesign.in.elements; ++i) {
        const size_t beat = i / kDesign.in.per_beat, lane = i % kDesign.in.per_beat;
        for (size_t bit = 0; bit < kDesign.in.bits; ++bit) {
            const size_t to = lane * kDesign.in.bits + bit;
            const unsigned value = raw[i * element_bytes + bit / 8] >> (bit % 8) & 1u;
            beats[beat * kDesign.in.bytes_per_beat + to / 8] |= static_cast<uint8_t>(value << to % 8);
        }
    }
    return beats;
}

int64_t element(const uint8_t* beat, size_t lane) {
    uint64_t value = 0;
    for (size_t bit = 0; bit < kDesign.out.bits; ++bit) {
        const size_t from = lane * kDesign.out.bits + bit;
        value |= uint64_t{beat[from / 8] >> (from % 8) & 1u} << bit;
    }
    if (kDesign.out.is_signed && kDesign.out.bits < 64 && value >> (kDesign.out.bits - 1) & 1) {
        value |= ~uint64_t{0} << kDesign.out.bits;
    }
    return static_cast<int64_t>(value);
}

std::vector<uint32_t> read_depths(const std::string& path) {
    std::vector<uint32_t> depths(kDesign.streams, 0);
    File file = open(path, "r");
    char name[512];
    uint32_t depth;
    while (std::fscanf(file.get(), "%511s %" SCNu32, name, &depth) == 2) {
        const auto* found = std::find_if(kDesign.names, kDesign.names + kDesign.streams,
                                         [&](const char* known) { return !std::strcmp(known, name); });
        if (found == kDesign.names + kDesign.streams) {
            throw Failure(path + ": the design has no stream " + name);
        }
        const size_t stream = static_cast<size_t>(found - kDesign.names);
        if (depth < 2 || depth > kDesign.max_depths[stream]) {
            throw Failure(path + ": the depth of " + name + " must be between 2 and " +
                          std::to_string(kDesign.max_depths[stream]));
        }
        depths[stream] = depth;
    }
    for (size_t stream = 0; stream < kDesign.streams; ++stream) {
        if (depths[stream] == 0) throw Failure(path + ": no depth for " + kDesign.names[stream]);
    }
    return depths;
}

// What a DMA of limited width may move by now: a word in each cycle, as long as it has room for one
// beside an unfinished beat. Beats need not be whole words, but each image begins with a new word.
class Dma {
public:
    Dma(uint64_t bytes_per_word, const Port& port)
        : word_{bytes_per_word},
          beat_{port.bytes_per_beat},
          padding_{word_ == 0 ? 0 : (word_ - port.beats * beat_ % word_) % word_} {}
    void tick() {
        if (level_ < beat_) level_ += word_;
    }
    bool ready() const { return word_ == 0 || level_ >= beat_; }
    void take(bool last_of_image) {
        if (word_ != 0) level_ -= beat_ + (last_of_image ? padding_ : 0);
    }

private:
    uint64_t word_, beat_, padding_, level_ = 0;  // all in bytes
};

class Simulation {
public:
    Simulation(const Options& options, std::vector<uint8_t> beats, const std::vector<uint32_t>& depths)
        : options_{options},
          beats_{std::move(beats)},
          out_beats_(options.images * kDesign.out.beats * kDesign.out.bytes_per_beat),
          finished_(options.images),
          tracing_{!options.trace.empty()},
          top_{model_.pins()},
          meters_{model_.meters()} {
        for (size_t stream = 0; stream < kDesign.streams; ++stream) {
            top_.depth[stream] = depths[stream];
        }
        if (tracing_ && !model_.trace(options.trace)) throw Failure("cannot write " + options.trace);
        // Whatever is in memory would show in the waveforms.
        std::memset(top_.in_data, 0, kDesign.in.bytes_per_beat);
        *top_.in_valid = 0;
        *top_.out_ready = 0;
        *top_.counting = 0;
        *top_.rst_n = 0;
        for (int i = 0; i < 16; ++i) clock();
        *top_.rst_n = 1;
    }

    // Returns false when nothing moved for the stall limit.
    bool run() {
        const uint64_t in_total = options_.images * kDesign.in.beats;
        const uint64_t out_total = options_.images * kDesign.out.beats;
        Dma in_dma{options_.in_bytes, kDesign.in};
        Dma out_dma{options_.out_bytes, kDesign.out};
        uint64_t moved = 0, due = 0;  // cycles: of the last movement, of the next image
        bool fresh = true;
        for (cycle_ = 0; out_done_ < out_total; ++cycle_) {
            in_dma.tick();
            out_dma.tick();
            *top_.in_valid = in_done_ < in_total && in_dma.ready() && cycle_ >= due;
            *top_.out_ready = out_dma.ready();
            if (fresh && in_done_ < in_total) {
                std::memcpy(top_.in_data, &beats_[in_done_ * kDesign.in.bytes_per_beat],
                            kDesign.in.bytes_per_beat);
                fresh = false;
            }
            const bool took = *top_.in_valid && *top_.in_ready;
            const bool gave = *top_.out_ready && *top_.out_valid;
            if (gave) {
                receive();
                const bool whole = out_done_ % kDesign.out.beats == 0;
                out_dma.take(whole);
                if (whole && in_done_ < in_total) watch(out_done_ / kDesign.out.beats);
            }
            clock();
            if (took) {
                if (in_done_ == 0) first_ = cycle_;
                ++in_done_;
                const bool whole = in_done_ % kDesign.in.beats == 0;
                if (whole) due += options_.cycles_per_image;
                if (in_done_ == in_total) *top_.counting = 0;  // the steady state is over
                in_dma.take(whole);
                fresh = true;
            }
            if (took || gave || cycle_ < due) moved = cycle_;
            if (cycle_ - moved > options_.stall_limit) return false;
        }
        return true;
    }

    void write_outputs() const {
        std::vector<int64_t> values;
        values.reserve(options_.images * kDesign.out.elements);
        for (uint64_t beat = 0; beat < options_.images * kDesign.out.beats; ++beat) {
            for (size_t lane = 0; lane < kDesign.out.per_beat; ++lane) {
                values.push_back(element(&out_beats_[beat * kDesign.out.bytes_per_beat], lane));
            }
        }
        File file = open(options_.output, "wb");
        if (std::fwrite(values.data(), sizeof values[0], values.size(), file.get()) != values.size()) {
            throw Failure("cannot write " + options_.output);
        }
    }

    void print_results() const {
        std::printf("{\"images\": %" PRIu64 ", \"cycles\": %" PRIu64 ", \"latency_cycles\": %" PRIu64,
                    options_.images, finished_.back() - first_, finished_.front() - first_);
        const uint64_t half = options_.images / 2;
        if (half == 0) std::printf(", \"ii\": null");
        else {
            const uint64_t cycles = finished_.back() - finished_[options_.images - 1 - half];
            std::printf(", \"ii\": %.17g", static_cast<double>(cycles) / static_cast<double>(half));
        }
        std::printf(", \"peaks\": [");
        for (size_t stream = 0; stream < kDesign.streams; ++stream) {
            std::printf("%s%u", stream == 0 ? "" : ", ", static_cast<unsigned>(*meters_[stream].peak));
        }
        std::printf("], \"steady_images\": %" PRIu64 ", \"steady_cycles\": %" PRIu64,
                    end_.images - begin_.images, end_.cycle - begin_.cycle);
        print_counts("blocked", begin_.blocked, end_.blocked);
        print_counts("starved", begin_.starved, end_.starved);
        std::printf("}\n");
    }

    // Whoever should take from the last stream that holds something does not.
    void print_stall() const {
        size_t stream = kDesign.streams;
        while (stream > 0 && *meters_[stream - 1].fill == 0) --stream;
        const size_t stuck = stream == 0 ? 0 : stream - 1;
        std::printf("{\"stalled\": \"%s\", \"items\": %u, \"images\": %" PRIu64 ", \"cycle\": %" PRIu64 "}\n",
                    kDesign.names[stuck], static_cast<unsigned>(*meters_[stuck].fill),
                    out_done_ / kDesign.out.beats, cycle_);
    }

private:
    using Counts = std::vector<uint64_t>;

    // The counters of the streams when an image was finished.
    struct Moment {
        uint64_t images = 0, cycle = 0;
        Counts blocked = Counts(kDesign.streams), starved = Counts(kDesign.streams);
    };

    void print_counts(const char* name, const Counts& begin, const Counts& end) const {
        std::printf(", \"%s\": [", name);
        for (size_t stream = 0; options_.count_waits && stream < kDesign.streams; ++stream) {
            std::printf("%s%" PRIu64, stream == 0 ? "" : ", ", end[stream] - begin[stream]);
        }
        std::printf("]");
    }

    // `images` are finished, and inputs are left: the steady state, from the second half on.
    void watch(uint64_t images) {
        if (images < options_.images - options_.images / 2) return;
        end_.images = images;
        end_.cycle = cycle_;
        for (size_t stream = 0; stream < kDesign.streams; ++stream) {
            end_.blocked[stream] = top_.blocked[stream];
            end_.starved[stream] = top_.starved[stream];
        }
        if (begin_.images == 0) {
            begin_ = end_;
            *top_.counting = options_.count_waits;
        }
    }

    void clock() {
        for (const uint8_t level : {1, 0}) {
            *top_.clk = level;
            model_.eval();
            if (tracing_) model_.dump();
        }
    }

    void receive() {
        std::memcpy(&out_beats_[out_done_ * kDesign.out.bytes_per_beat], top_.out_data,
                    kDesign.out.bytes_per_beat);
        ++out_done_;
        if (out_done_ % kDesign.out.beats != 0) return;
        const uint64_t images = out_done_ / kDesign.out.beats;
        finished_[images - 1] = cycle_;
        if (options_.progress && (images == options_.images || images % report_every() == 0)) {
            std::fprintf(stderr, "%" PRIu64 "\n", images);
        }
    }

    uint64_t report_every() const { return std::max<uint64_t>(1, options_.images / 50); }

    const Options& options_;
    const std::vector<uint8_t> beats_;
    std::vector<uint8_t> out_beats_;
    std::vector<uint64_t> finished_;  // cycle of each image's last output
    const bool tracing_;
    Model model_;
    const Pins top_;
    const std::vector<Meter> meters_;
    Moment begin_, end_;
    uint64_t cycle_ = 0, first_ = 0, in_done_ = 0, out_done_ = 0;
};

int simulate(int argc, char** argv) {
    Options options = parse(argc, argv);
    const std::vector<uint32_t> depths = read_depths(options.fifos);
    std::vector<uint8_t> beats = read_beats(options);
    // Whether the outputs can be written is better known now than after hours.
    open(options.output, "ab");
    options.output = absolute(options.output);
    if (!options.trace.empty()) {
        open(options.trace, "ab");
        options.trace = absolute(options.trace);
    }
    // The Verilog names its memory files without a folder.
    if (chdir((options.package + "/memories").c_str()) != 0) {
        throw Failure("no folder " + options.package + "/memories");
    }
    if (options.timing_only) leave_out_mvu_cores();
    Simulation simulation{options, std::move(beats), depths};
    if (!simulation.run()) {
        simulation.print_stall();
        return 3;
    }
    simulation.write_outputs();
    simulation.print_results();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return simulate(argc, argv);
    } catch (const Failure& failure) {
        std::fprintf(stderr, "simulator: %s\n", failure.what());
        return 2;
    }
}
