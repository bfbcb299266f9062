// The host of a small component, in whatever language that was made: docs/making-a-guest.md makes it in five.
//
//     greeter COMPONENT.wasm...

#include "greeter.hpp" // generated from guest/greeter/greeter.wit

#include <exception>
#include <iostream>
#include <string_view>

int main(int argc, char **argv) {
    try {
        const cmabi::engine engine;
        cmabi::linker linker(engine);
        struct {
            void line(std::string_view text) { std::cout << "  log: " << text << '\n'; }
        } log;
        demo::greeter::greeter::add_to_linker(linker, log);
        linker.wasi(); // for languages that bring a runtime; it grants nothing
        for (int i = 1; i < argc; ++i) {
            cmabi::store store(engine);
            const demo::greeter::greeter greeter(linker, store, cmabi::component(engine, argv[i]));
            const std::string_view path = argv[i];
            std::cout << path.substr(path.rfind('/') + 1) << '\n';
            for (const auto &greeting : greeter.greet({{"Ada", 3}, {"Grace", 0}})) std::cout << "  " << greeting << '\n';
        }
    } catch (const std::exception &error) {
        std::cout.flush();
        std::cerr << "greeter: " << error.what() << '\n';
        return 1;
    }
}
