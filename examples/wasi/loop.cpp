// An event loop with several programs for WASI that sleep, each in a store of its own: one thread, which sleeps
// as long as all of them do.
#include <algorithm>
#include <cmabi.hpp>
#include <iostream>
#include <memory>
#include <poll.h>
#include <string>
#include <vector>

namespace {

/// A program that runs.
struct running {
    using run_result = cmabi::expected<void, void>;

    running(const cmabi::engine &engine, const cmabi::component &component, std::string milliseconds)
        : name(milliseconds + " ms"), store(engine), waker(store.waker()) {
        cmabi::linker linker(engine);
        linker.wasi(cmabi::wasi().arg("programs").arg("sleep").arg(milliseconds));
        call = linker.instantiate(store, component).func<run_result()>("wasi:cli/run@0.2.12#run").start();
    }

    std::string name;
    cmabi::store store;
    cmabi::waker waker;
    cmabi::subtask<run_result> call;
};

} // namespace

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: wasi-loop PROGRAMS.wasm\n";
        return 2;
    }
    const cmabi::engine engine;
    const cmabi::component component(engine, argv[1]);
    std::vector<std::unique_ptr<running>> programs;
    for (const char *milliseconds : {"50", "100", "150"})
        programs.push_back(std::make_unique<running>(engine, component, milliseconds));

    while (!programs.empty()) {
        std::vector<pollfd> fds;
        for (const auto &program : programs) fds.push_back({program->waker.fd(), POLLIN, 0});
        poll(fds.data(), fds.size(), -1); // sleeps until one of them can go on
        for (std::size_t i = 0; i < programs.size(); ++i) {
            running &program = *programs[i];
            if ((fds[i].revents & POLLIN) == 0) continue;
            program.waker.clear();
            program.store.run();
            if (!program.call.done()) continue;
            std::cout << program.name << (program.call.get().has_value() ? " are over\n" : ": failed\n");
            programs[i].reset();
        }
        programs.erase(std::remove(programs.begin(), programs.end(), nullptr), programs.end());
    }
} catch (const std::exception &error) {
    std::cerr << "wasi-loop: " << error.what() << "\n";
    return 1;
}
