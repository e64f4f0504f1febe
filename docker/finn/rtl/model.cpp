// Verilator's translation of one design, behind model.h. Compiled together with the translation.
#include "Vtop.h"
#include "model.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

const bool kTraces = VM_TRACE;

struct Model::Parts {
    VerilatedContext context;
    Vtop top{&context};
#if VM_TRACE
    VerilatedVcdC waveforms;
    uint64_t time = 0;
#endif
};

Model::Model() : parts_{new Parts} {}
Model::~Model() = default;

Pins Model::pins() {
    Vtop& top = parts_->top;
    return {&top.clk,       &top.rst_n,    &top.in_valid, &top.in_ready,   &top.out_valid,
            &top.out_ready, &top.in_data,  &top.out_data, &top.depth[0],   &top.fill[0],
            &top.peak[0],   &top.blocked[0], &top.starved[0]};
}

void Model::eval() { parts_->top.eval(); }

#if VM_TRACE
bool Model::trace(const std::string& path) {
    parts_->context.traceEverOn(true);
    parts_->top.trace(&parts_->waveforms, 2);
    parts_->waveforms.open(path.c_str());
    return parts_->waveforms.isOpen();
}

void Model::dump() {
    if (parts_->waveforms.isOpen()) parts_->waveforms.dump(parts_->time++);
}
#else
bool Model::trace(const std::string&) { return false; }
void Model::dump() {}
#endif
