// Resources in both directions: `file` is the host's, `editor` is the guest's. resources.c does the same in C,
// and prints the same.
//
//     resources-cpp editor.wasm

#include "editor.hpp" // generated from guest/editor.wit

#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

// The host's resource: an object that is deleted when the last handle that owns it goes.
class demo::editor::files::file {
public:
    explicit file(std::string_view name) : name_(name) {}
    ~file() { std::printf("  %s: closed with %u bytes\n", name_.c_str(), size_); }

    void write(std::string_view text) {
        std::printf("  %s: %zu bytes more\n", name_.c_str(), text.size());
        size_ += static_cast<std::uint32_t>(text.size());
    }
    std::uint32_t size() const { return size_; }
    const std::string &name() const { return name_; }

private:
    std::string name_;
    std::uint32_t size_ = 0;
};

namespace {

using demo::editor::files::file;
using exports::demo::editor::editing::editor; // the guest's
using cmabi::own;

const char *yes_no(bool answer) { return answer ? "yes" : "no"; }

// Gives back what is left.
own<file> edit(const demo::editor::editor &guest) {
    const auto &editing = guest.editing();

    std::puts("a file of the host's, lent to the guest");
    own<file> notes = std::make_unique<file>("notes");
    std::printf("greeted: %s\n", yes_no(editing.greet(notes)));
    std::printf("greeted: %s\n", yes_no(editing.greet(notes)));

    std::puts("given to an editor, and back");
    editor writer(editing, std::move(notes));
    writer.add("one");
    std::printf("lines: %u\n", writer.add("two"));
    notes = editor::close(editing, std::move(writer));
    std::printf("%s has %u bytes\n", notes->name().c_str(), notes->size());

    std::puts("dropping a handle runs the destructor, here or there");
    notes = {};
    writer = editor(editing, editing.draft());
    writer = {}; // and with it its file

    std::puts("a handle that is used up is refused");
    try {
        editor(editing, std::move(notes));
    } catch (const cmabi::error &error) {
        if (error.status() == CMABI_STATUS_INVALID_ARGUMENT) std::puts("refused");
    }

    std::puts("what is left goes with the store");
    return editing.draft();
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: resources-cpp editor.wasm\n";
        return 2;
    }
    try {
        const cmabi::engine engine;
        const cmabi::component component(engine, argv[1]);
        cmabi::linker linker(engine);
        struct {
        } nothing_else; // all functions are those of `file`
        demo::editor::editor::add_to_linker(linker, nothing_else);
        own<file> left; // outlives its store
        cmabi::store store(engine);
        left = edit(demo::editor::editor(linker, store, component));
    } catch (const std::exception &error) {
        std::cerr << "resources-cpp: " << error.what() << '\n';
        return 1;
    }
}
