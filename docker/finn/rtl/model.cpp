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

Model::Model() : parts_{new Parts} {
    if (!kTraces) parts_->top.eval();  // the first one initializes
}
Model::~Model() = default;

Pins Model::pins() {
    Vtop& top = parts_->top;
    return {&top.clk,       &top.rst_n,    &top.in_valid, &top.in_ready, &top.out_valid,
            &top.out_ready, &top.counting, &top.in_data,  &top.out_data, &top.depth[0],
            &top.blocked[0], &top.starved[0]};
}

std::vector<Meter> Model::meters() { return meters_of(parts_->top); }


#if VM_TRACE
void Model::eval() { parts_->top.eval(); }

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
// Verilator's own eval() does this, and looks for messages of other threads and for objects to
// delete besides, which takes a tenth of the time.
void Vtop___024root___eval(Vtop___024root* vlSelf);
void Model::eval() { Vtop___024root___eval(parts_->top.rootp); }

bool Model::trace(const std::string&) { return false; }
void Model::dump() {}
#endif
