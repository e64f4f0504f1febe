// The simulated module as the driver sees it, so that one compiled driver serves every module.
#ifndef DRIVER_H
#define DRIVER_H

#include <cstddef>
#include <vector>

struct Port {
    const char* name;
    bool is_input;
    void* value;
    size_t bytes;
};

// Both are of the one module, which lives as long as the process.
std::vector<Port> ports();
void eval();

#endif
