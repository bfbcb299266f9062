// Resources in both directions: `file` is the host's, `editor` is the guest's. resources.c does the same in C,
// and prints the same.
//
//     resources-cpp editor.wasm

#include <cmabi.hpp>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

// The host's resource: an object that is deleted when the last handle that owns it goes.
class file {
public:
    explicit file(std::string name) : name_(std::move(name)) {}
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

struct editor; // the guest's

} // namespace

template <>
struct cmabi::resource<file> {
    static constexpr auto name = "file";
};
template <>
struct cmabi::guest_resource<editor> {
    static constexpr auto name = "editor";
};

namespace {

using cmabi::borrow;
using cmabi::own;

const char *yes_no(bool answer) { return answer ? "yes" : "no"; }

// Gives back what is left.
own<file> edit(const cmabi::instance &instance) {
    const std::string editing = "demo:editor/editing";
    const auto editors = instance.resource<editor>(editing);
    const auto new_editor = editors.constructor<own<file>>();
    const auto add = editors.method<std::uint32_t(std::string_view)>("add");
    const auto close = editors.static_func<own<file>(own<editor>)>("close");
    const auto greet = instance.func<bool(borrow<file>)>(editing + "#greet");
    const auto draft = instance.func<own<file>()>(editing + "#draft");

    std::puts("a file of the host's, lent to the guest");
    own<file> notes = std::make_unique<file>("notes");
    std::printf("greeted: %s\n", yes_no(greet(notes)));
    std::printf("greeted: %s\n", yes_no(greet(notes)));

    std::puts("given to an editor, and back");
    own<editor> writer = new_editor(std::move(notes));
    add(writer, "one");
    std::printf("lines: %u\n", add(writer, "two"));
    notes = close(std::move(writer));
    std::printf("%s has %u bytes\n", notes->name().c_str(), notes->size());

    std::puts("dropping a handle runs the destructor, here or there");
    notes = {};
    writer = new_editor(draft());
    writer = {}; // and with it its file

    std::puts("a handle that is used up is refused");
    try {
        new_editor(std::move(notes));
    } catch (const cmabi::error &error) {
        if (error.status() == CMABI_STATUS_INVALID_ARGUMENT) std::puts("refused");
    }

    std::puts("what is left goes with the store");
    return draft();
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
        linker.resource<file>("demo:editor/files")
            .constructor<std::string>()
            .method("write", &file::write)
            .method("size", &file::size);
        own<file> left; // outlives its store
        cmabi::store store(engine);
        left = edit(linker.instantiate(store, component));
    } catch (const std::exception &error) {
        std::cerr << "resources-cpp: " << error.what() << '\n';
        return 1;
    }
}
