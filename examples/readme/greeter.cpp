// The program of the README: loads a component, lets it call back, calls its function `greet`, and
// prints the answer.
#include "greeter.hpp" // generated from greeter.wit

#include <iostream>

struct host {
    void log(std::string_view text) { std::cout << "log: " << text << "\n"; }
};

int main() {
    const cmabi::engine engine;
    const cmabi::component component(engine, "greeter.wasm");
    host host;
    cmabi::linker linker(engine);
    demo::readme::greeter::add_to_linker(linker, host);
    cmabi::store store(engine);
    const demo::readme::greeter greeter(linker, store, component);
    std::cout << greeter.greet({"Ada", 3}) << "\n"; // Welcome back, Ada!
}
