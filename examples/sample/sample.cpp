// The sample that comes with cmcpp, done with libcmabi: functions of each sort of type, from the guest to the
// host and back. docs/from-cmcpp.md has the two beside each other.
//
//     sample sample.wasm

#include "sample.hpp" // generated from guest/sample.wit

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

// What the guest imports.
struct host {
    bool and_(bool a, bool b) { return a && b; }
    double add(double a, double b) { return a + b; }
    std::string reverse(std::string_view text) { return {text.rbegin(), text.rend()}; }
    std::uint32_t total(std::string_view a, std::string_view b, std::string_view c, std::string_view d,
                        std::string_view e, std::string_view f, std::string_view g, std::string_view h,
                        std::string_view i) {
        std::size_t total = 0;
        for (const auto text : {a, b, c, d, e, f, g, h, i}) total += text.size();
        return std::uint32_t(total);
    }
    void log(std::string_view text, std::uint32_t value) {
        std::cout << "log: " << text << ' ' << value << '\n';
    }
    void started() { std::cout << "log: started\n"; }
};

void call_functions(const demo::sample::sample &guest) {
    guest.start();
    std::cout << "and(true, false): " << guest.booleans().and_(true, false) << '\n';
    std::cout << "add(1.5, 2.5): " << guest.floats().add(1.5, 2.5) << '\n';
    std::cout << "reverse(\"component\"): " << guest.strings().reverse("component") << '\n';
    std::cout << "total: " << guest.strings().total("a", "bc", "d", "ef", "g", "hi", "j", "kl", "m") << '\n';

    const auto [text, yes] = guest.tuples().swap({true, "text"});
    std::cout << "swap(true, \"text\"): " << text << ", " << yes << '\n';

    using namespace exports::demo::sample;
    const variants::number_or_text twice = guest.variants().twice(std::uint32_t{21});
    std::cout << "twice(21): " << std::get<variants::number_or_text_case::number>(twice) << '\n';
    for (const std::string &each : guest.variants().texts({std::uint32_t{1}, "one", std::uint32_t{2}, "two"})) {
        std::cout << "texts: " << each << '\n';
    }
    std::cout << "larger(small) is medium: " << (guest.enums().larger(enums::size::small) == enums::size::medium)
              << '\n';

    std::cout << "divide(7, 2): " << guest.divide(7, 2).value() << '\n';
    std::cout << "divide(7, 0): " << guest.divide(7, 0).error() << '\n';
    const std::optional<std::uint32_t> half = guest.half(42);
    std::cout << "half(42): " << half.value() << '\n';
    std::cout << "half(none) is none: " << !guest.half(std::nullopt) << '\n';
}

int main(int argc, char **argv) {
    try {
        const cmabi::engine engine;
        const cmabi::component component(engine, argc > 1 ? argv[1] : "sample.wasm");
        host host;
        cmabi::linker linker(engine);
        demo::sample::sample::add_to_linker(linker, host);
        cmabi::store store(engine);
        std::cout << std::boolalpha;
        call_functions(demo::sample::sample(linker, store, component));
    } catch (const std::exception &error) {
        std::cerr << "sample: " << error.what() << '\n';
        return 1;
    }
}
