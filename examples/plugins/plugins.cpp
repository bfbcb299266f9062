// Two plug-ins in two languages, of the same world, each in a store of its own with limits of its own. One
// of them misbehaves: it is thrown out, and the other goes on. plugins.c does the same in C, and prints the
// same.
//
//     plugins-cpp PLUGIN.wasm...

#include "plugin.hpp" // generated from guest/plugins.wit

#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The host's resource.
class demo::plugins::documents::document {
public:
    document(std::string title, std::string text) : title_(std::move(title)), text_(std::move(text)) {}

    const std::string &title() const { return title_; }
    const std::string &text() const { return text_; }
    void replace(std::string_view text) { text_ = text; }

private:
    std::string title_, text_;
};

namespace {

using demo::plugins::documents::document;

// What one call may take: instructions, and bytes of linear memory.
constexpr std::uint64_t fuel = 1'000'000;
constexpr std::uint64_t memory = 2 << 20;

struct plugin {
    cmabi::store store;
    demo::plugins::plugin world;
    std::string name;

    plugin(const cmabi::engine &engine, const cmabi::linker &linker, const char *file)
        : store(engine, cmabi::config().max_guest_bytes(memory).fuel(fuel)),
          world(linker, store, cmabi::component(engine, file)) {
        const auto info = world.filter().describe();
        name = info.name;
        std::cout << name << ", written in " << info.language << '\n';
    }

    // Throws where the plug-in misbehaves.
    void apply(const char *title, std::string &text) {
        store.set_fuel(fuel);
        const cmabi::own<document> lent = std::make_unique<document>(title, text);
        const auto changes = world.filter().apply(lent);
        if (changes) {
            text = lent->text();
            std::cout << "  " << name << " makes " << changes.value() << " changes\n";
        } else {
            std::cout << "  " << name << " makes none: " << changes.error() << '\n';
        }
    }
};

void edit(std::vector<std::unique_ptr<plugin>> &plugins, const char *title, std::string text) {
    std::cout << title << ": " << text << '\n';
    for (auto plugin = plugins.begin(); plugin != plugins.end();) {
        try {
            (*plugin)->apply(title, text);
            ++plugin;
        } catch (const cmabi::error &error) {
            const std::string_view reason = error.status() == CMABI_STATUS_LIMIT ? "took too much" : "failed";
            std::cout << "  " << (*plugin)->name << ' ' << reason << ", and is thrown out\n";
            plugin = plugins.erase(plugin); // with all that it had
        }
    }
    std::cout << "  -> " << text << '\n';
}

} // namespace

int main(int argc, char **argv) {
    try {
        const cmabi::engine engine;
        cmabi::linker linker(engine);
        struct {
        } nothing_else; // all functions are those of `document`
        demo::plugins::plugin::add_to_linker(linker, nothing_else);

        std::vector<std::unique_ptr<plugin>> plugins;
        for (int i = 1; i < argc; ++i) {
            plugins.push_back(std::make_unique<plugin>(engine, linker, argv[i]));
        }
        edit(plugins, "note", "meet Ada at 10:30");
        edit(plugins, "shopping", "tea, milk");
        edit(plugins, "menu", "caf\u00e9 au lait: 4.20");
        edit(plugins, "call", "ring 555-0199");
    } catch (const std::exception &error) {
        std::cerr << "plugins-cpp: " << error.what() << '\n';
        return 1;
    }
}
