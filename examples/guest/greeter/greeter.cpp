// The greeter in C++. `greeter.h` is generated from greeter.wit, as for C.
#include "greeter.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

namespace {

// What a guest returns is freed by `free`. A std::string would bring what libc++ prints where it gives up, and with
// that WASI.
greeter_string_t join(std::initializer_list<std::string_view> parts) {
    std::size_t len = 0;
    for (const std::string_view part : parts) len += part.size();
    greeter_string_t text{static_cast<std::uint8_t *>(std::malloc(len)), len};
    auto end = text.ptr;
    for (const std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
    return text;
}

std::string_view view(const greeter_string_t &text) {
    return {reinterpret_cast<const char *>(text.ptr), text.len};
}

} // namespace

void exports_greeter_greet(greeter_list_person_t *people, greeter_list_string_t *ret) {
    greeter_string_t line = join({people->len == 1 ? "one of them" : "more than one of them"});
    demo_greeter_log_line(&line);
    greeter_string_free(&line);

    ret->len = people->len;
    ret->ptr = static_cast<greeter_string_t *>(std::malloc(people->len * sizeof *ret->ptr));
    std::transform(people->ptr, people->ptr + people->len, ret->ptr, [](const greeter_person_t &person) {
        return join({person.visits > 0 ? "Welcome back, " : "Hello, ", view(person.name), "!"});
    });
    greeter_list_person_free(people);
}
