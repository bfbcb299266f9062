// The program of the README: loads a component, calls its function `greet`, and prints the answer.
#include <cmabi.hpp>

#include <exception>
#include <iostream>
#include <string>
#include <string_view>

int main() {
    try {
        const cmabi::engine engine;
        const cmabi::component component(engine, "greet.wasm");
        const cmabi::linker linker(engine);
        cmabi::store store(engine);
        const cmabi::instance instance = linker.instantiate(store, component);
        const auto greet = instance.func<std::string(std::string_view)>("greet"); // checked here, once
        std::cout << greet("Ada") << "\n";                                        // Hello, Ada!
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
