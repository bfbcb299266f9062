// Runs a program for WASI: a component that exports `wasi:cli/run`, with the arguments after its name. It may use
// the standard streams and read the current folder, and nothing else.
#include <cmabi.hpp>
#include <iostream>

int main(int argc, char **argv) try {
    if (argc < 2) {
        std::cerr << "usage: wasi-cpp PROGRAM.wasm [ARGS...]\n";
        return 2;
    }
    cmabi::wasi granted;
    granted.inherit_stdio().dir(".", ".", cmabi::wasi::read_only);
    for (int i = 1; i < argc; ++i) granted.arg(argv[i]);

    const cmabi::engine engine;
    const cmabi::component component(engine, argv[1]);
    cmabi::linker linker(engine);
    linker.wasi(granted);
    cmabi::store store(engine);
    const cmabi::instance instance = linker.instantiate(store, component);
    const auto run = instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run");
    return run().has_value() ? 0 : 1;
} catch (const cmabi::error &error) {
    if (error.status() == CMABI_STATUS_EXIT) return error.exit_code(); // the program has called exit
    std::cerr << "wasi-cpp: " << error.what() << "\n";
    return 1;
}
