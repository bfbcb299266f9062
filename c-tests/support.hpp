// What the tests of the C suite share: CHECK_OK, texts, guests, owners of handles.
#pragma once

#include <cmabi_engine.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Whether this is built with AddressSanitizer, which keeps what was freed for a while, and has to be told of stacks
// that the program makes.
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN 0
#endif

// A text of the library as a std::string, for comparisons.
inline std::string text(cmabi_string string) {
    return string.len == 0 ? std::string() : std::string(string.ptr, string.len);
}

// A std::string_view as an argument.
inline cmabi_string view(std::string_view string) {
    return cmabi_string{string.data(), string.size()};
}

// Owns a handle: `Handle<cmabi_store, cmabi_store_free> store;`, passed as `store` where the handle is
// read and as `store.out()` where it is written.
template <class T, void (*Free)(T *)>
class Handle {
public:
    Handle() = default;
    explicit Handle(T *handle) : handle_(handle) {}
    Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Handle() { Free(handle_); }

    operator T *() const { return handle_; }
    T *get() const { return handle_; }
    // Frees what is held and gives the place for a new handle.
    T **out() {
        Free(std::exchange(handle_, nullptr));
        return &handle_;
    }

private:
    T *handle_ = nullptr;
};

// The error that a call may give: `cmabi_x_y(..., error.out())`.
class Error : public Handle<cmabi_error, cmabi_error_free> {
public:
    std::string message() const { return text(cmabi_error_message(*this)); }
    std::string path() const { return text(cmabi_error_path(*this)); }
    cmabi_status status() const { return cmabi_error_status(*this); }
};

namespace support {
// What a call came to: its status as a word and, where it failed, the message.
inline std::string outcome(cmabi_status status, const Error &error) {
    std::string words = text(cmabi_status_text(status));
    if (error.get() != nullptr) {
        words += ": " + error.message();
    }
    return words;
}
} // namespace support

// The call succeeds. It is written without its last argument, the error:
// `CHECK_OK(cmabi_store_new, engine, nullptr, store.out());`
#define CHECK_OK(function, ...)                                                                    \
    do {                                                                                           \
        Error check_error;                                                                         \
        const cmabi_status check_status = function(__VA_ARGS__, check_error.out());                \
        CHECK_MESSAGE(check_status == CMABI_STATUS_OK,                                             \
                      #function << ": " << support::outcome(check_status, check_error));           \
    } while (false)

// Like CHECK_OK, and ends the test case where the call fails.
#define REQUIRE_OK(function, ...)                                                                  \
    do {                                                                                           \
        Error check_error;                                                                         \
        const cmabi_status check_status = function(__VA_ARGS__, check_error.out());                \
        REQUIRE_MESSAGE(check_status == CMABI_STATUS_OK,                                           \
                        #function << ": " << support::outcome(check_status, check_error));         \
    } while (false)

// The call fails with this status and with a message that contains `part`:
// `CHECK_FAILS(CMABI_STATUS_TRAP, "unreachable", cmabi_func_call, store, func, ...);`
#define CHECK_FAILS(expected, part, function, ...)                                                 \
    do {                                                                                           \
        Error check_error;                                                                         \
        const cmabi_status check_status = function(__VA_ARGS__, check_error.out());                \
        CHECK_MESSAGE(check_status == (expected),                                                  \
                      #function << ": " << support::outcome(check_status, check_error));           \
        CHECK_MESSAGE(check_error.message().find(part) != std::string::npos,                       \
                      #function << ": no \"" << (part) << "\" in: " << check_error.message());     \
    } while (false)

// The bytes of a guest compiled from guests/*.wat.
inline std::vector<std::uint8_t> read_guest(const std::string &name) {
    std::ifstream file(std::string(GUEST_DIR "/") + name, std::ios::binary);
    REQUIRE_MESSAGE(file.good(), "no guest " << name << " in " << GUEST_DIR);
    return std::vector<std::uint8_t>(std::istreambuf_iterator<char>(file), {});
}
