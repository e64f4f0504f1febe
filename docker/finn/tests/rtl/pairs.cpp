// Clocks a `top` that compares modules with one another; prints what it counted.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "Vtop.h"
#include "verilated.h"

int main(int, char** argv) {
    const auto context = std::make_unique<VerilatedContext>();
    context->randSeed(1);
    const auto top = std::make_unique<Vtop>(context.get());
    const long cycles = std::atol(argv[1]);
    for (long cycle = 0; cycle < cycles; ++cycle) {
        // A second reset in the middle of everything
        top->rst = cycle < 20 || (cycle > cycles / 3 && cycle < cycles / 3 + 3);
        top->clk = 1;
        top->eval();
        top->clk = 0;
        top->eval();
    }
    for (size_t i = 0; i < sizeof top->different / sizeof top->different[0]; ++i) {
        std::printf("%u %u\n", static_cast<unsigned>(top->different[i]),
                    static_cast<unsigned>(top->active[i]));
    }
}
