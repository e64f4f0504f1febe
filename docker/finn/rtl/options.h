// The command line of a simulator.
#ifndef OPTIONS_H
#define OPTIONS_H

#include <cstdint>
#include <stdexcept>
#include <string>

struct Options {
    std::string input, output, package, fifos, trace;
    uint64_t images = 0, in_bytes = 0, out_bytes = 0, cycles_per_image = 0;
    uint64_t stall_limit = 1000000;
    bool progress = false, count_waits = false, timing_only = false;
};

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Exits after --help; throws Failure for what cannot be.
Options parse(int argc, char** argv);

#endif
