// The accelerator as the testbench sees it, so that one compiled testbench serves every design.
#ifndef MODEL_H
#define MODEL_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

// How the elements of one image lie in the beats of the input or the output.
struct Port {
    size_t bits, elements, per_beat, beats, bytes_per_beat;
    bool is_signed;
};

struct Design {
    Port in, out;
    size_t streams;
    const char* const* names;    // of each stream
    const uint32_t* max_depths;  // of each stream's FIFO
};

extern const Design kDesign;
// Whether the model was built to write waveforms.
extern const bool kTraces;

// Where the ports of the module `top` lie in memory; those with a value per stream as arrays.
struct Pins {
    uint8_t *clk, *rst_n, *in_valid, *in_ready, *out_valid, *out_ready;
    uint8_t* counting;
    void *in_data, *out_data;
    uint32_t* depth;
    uint64_t *blocked, *starved;
};

// Where the FIFO of a stream says how many items it holds, and held at most.
struct Meter {
    const uint32_t *fill, *peak;
};
class Vtop;
std::vector<Meter> meters_of(const Vtop& model);

class Model {
public:
    Model();
    ~Model();
    Pins pins();
    std::vector<Meter> meters();
    void eval();
    // Start to write waveforms; false where the file cannot be written.
    bool trace(const std::string& path);
    void dump();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

#endif
