#include "options.h"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "model.h"

namespace {

const char* const kUsage =
    "usage: simulator --input FILE --output FILE --images N [OPTION]...\n"
    "\n"
    "Simulates the accelerator cycle by cycle.\n"
    "\n"
    "  --input FILE              images, one byte per element (or the two's complement of more,\n"
    "                            little-endian), without headers\n"
    "  --output FILE             written: the accelerator's integers, int64 little-endian\n"
    "  --images N                how many images to take from FILE\n"
    "  --package DIR             folder with memories/ and fifos.txt; default: the simulator's own\n"
    "  --fifos FILE              depth of each FIFO, one `stream depth` a line;\n"
    "                            default: fifos.txt in the package\n"
    "  --in-bytes-per-cycle N    width of the DMA that feeds the accelerator; 0, the default, has\n"
    "                            no limit; 8 models a 64-bit DMA\n"
    "  --out-bytes-per-cycle N   the same at the output\n"
    "  --cycles-per-image N      offer an image only every N cycles; 0, the default: at once\n"
    "  --stall-limit N           give up after N cycles in which nothing moves (default 1000000)\n"
    "  --count-waits             count the cycles in which streams wait, which takes time\n"
    "  --timing-only             leave sums of products out, which decide no cycle: the outputs mean\n"
    "                            nothing\n"
    "  --trace FILE              write waveforms (VCD, one time step a clock edge); only in a\n"
    "                            simulator that was built for it\n"
    "  --progress                report the images done on standard error\n"
    "\n"
    "Prints one JSON object: images, cycles (first input to last output), latency_cycles (the same\n"
    "for the first image), ii (cycles per image over the last half of the images, null for one\n"
    "image), peaks (largest number of items in each FIFO), steady_images (N: images finished after\n"
    "the first half and before the inputs ran out; 0: too few to tell), steady_cycles (in which\n"
    "they were finished), blocked, starved (of these cycles, those in which a stream's producer\n"
    "offered what was not taken, and in which its consumer was ready and had nothing to take; empty\n"
    "where they are not counted).\n"
    "Exit status: 0 done, 2 bad usage or files, 3 nothing moved for the stall limit.\n";

uint64_t number(const std::string& option, const std::string& text) {
    char* end = nullptr;
    const uint64_t value = std::strtoull(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0' || text[0] == '-') {
        throw Failure(option + " takes a number, not '" + text + "'");
    }
    return value;
}

std::string own_folder() {
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0) throw Failure("cannot find the simulator's own folder; give --package");
    const std::string file(path, static_cast<size_t>(length));
    return file.substr(0, file.rfind('/'));
}

}  // namespace

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--help") {
            std::fputs(kUsage, stdout);
            std::exit(0);
        }
        if (name == "--progress") {
            options.progress = true;
            continue;
        }
        if (name == "--count-waits") {
            options.count_waits = true;
            continue;
        }
        if (name == "--timing-only") {
            options.timing_only = true;
            continue;
        }
        if (i + 1 == argc) throw Failure("no value for " + name + "; see --help");
        const std::string value = argv[++i];
        if (name == "--input") options.input = value;
        else if (name == "--output") options.output = value;
        else if (name == "--package") options.package = value;
        else if (name == "--fifos") options.fifos = value;
        else if (name == "--trace") options.trace = value;
        else if (name == "--images") options.images = number(name, value);
        else if (name == "--in-bytes-per-cycle") options.in_bytes = number(name, value);
        else if (name == "--out-bytes-per-cycle") options.out_bytes = number(name, value);
        else if (name == "--cycles-per-image") options.cycles_per_image = number(name, value);
        else if (name == "--stall-limit") options.stall_limit = number(name, value);
        else throw Failure("unknown option " + name + "; see --help");
    }
    if (options.input.empty() || options.output.empty() || options.images == 0) {
        throw Failure("--input, --output and --images are needed; see --help");
    }
    if (!options.trace.empty() && !kTraces) {
        throw Failure("this simulator was not built to write waveforms");
    }
    if (options.package.empty()) options.package = own_folder();
    if (options.fifos.empty()) options.fifos = options.package + "/fifos.txt";
    return options;
}
