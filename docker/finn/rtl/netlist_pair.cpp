// Clocks a `top` that has a module's RTL beside its netlist, until it is done; prints what it counted:
// cycles, transfers, cycles that differed, the first of them, and whether it was done.
//
// Argument: cycles at most without any transfer.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

int main(int, char** argv) {
    const auto context = std::make_unique<VerilatedContext>();
    context->randSeed(1);
    const auto top = std::make_unique<Vtop>(context.get());
    const long silent = std::atol(argv[1]);
    long cycle = 0, last = 0, differed = -1;
    for (uint32_t moved = 0; cycle - last < silent && !top->done; ++cycle) {
        top->rst = cycle < 20;
        top->clk = 1;
        top->eval();
        top->clk = 0;
        top->eval();
        if (top->transfers != moved) last = cycle;
        moved = top->transfers;
        if (top->different && differed < 0) differed = cycle;
    }
    std::printf("%ld %u %u %ld %d\n", cycle, static_cast<unsigned>(top->transfers),
                static_cast<unsigned>(top->different), differed, static_cast<int>(top->done));
}
