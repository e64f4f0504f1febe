// Sets, evaluates and reads a module's ports as told on standard input (see module.py): `w`, the
// index of a port and its new value; `e` to evaluate; `r` to be sent all outputs.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "driver.h"

namespace {

void read(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, stdin) != bytes) std::exit(1);
}

}  // namespace

int main() {
    const std::vector<Port> all = ports();
    for (const Port& port : all) {
        std::printf("%s %s %zu\n", port.name, port.is_input ? "input" : "output", port.bytes);
    }
    std::printf("\n");
    std::fflush(stdout);
    for (int command; (command = std::getchar()) != EOF;) {
        if (command == 'w') {
            uint8_t index;
            read(&index, 1);
            read(all[index].value, all[index].bytes);
        } else if (command == 'e') {
            eval();
        } else if (command == 'r') {
            for (const Port& port : all) {
                if (!port.is_input) std::fwrite(port.value, 1, port.bytes, stdout);
            }
            std::fflush(stdout);
        } else {
            return 2;
        }
    }
}
