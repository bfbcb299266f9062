/// @file wasi.hpp
///
/// Part of cmabi.hpp: what a host grants to programs for WASI.

#ifndef CMABI_WASI_HPP
#define CMABI_WASI_HPP

#include "context.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cmabi {

/// What components may use of the system by way of WASI 0.2. A new one grants nothing; see `cmabi_wasi_config`.
/// Given to `linker::wasi`.
///
///     linker.wasi(cmabi::wasi().arg("app").inherit_stdio().dir("data", "/data", cmabi::wasi::read_only));
///
/// Each function throws a `cmabi::error` for what cannot be granted. Copies are the same config.
class wasi {
public:
    using stdio = cmabi_wasi_stdio;
    using rights = cmabi_wasi_rights;
    using address = cmabi_wasi_address;
    using network_use = cmabi_wasi_network_use;

    static constexpr stdio stdin_stream = CMABI_WASI_STDIO_STDIN;
    static constexpr stdio stdout_stream = CMABI_WASI_STDIO_STDOUT;
    static constexpr stdio stderr_stream = CMABI_WASI_STDIO_STDERR;
    static constexpr rights read_only = CMABI_WASI_RIGHTS_READ_ONLY;
    static constexpr rights read_write = CMABI_WASI_RIGHTS_READ_WRITE;

    wasi()
        : config_(detail::call_out<cmabi_wasi_config *>(cmabi_wasi_config_new),
                  cmabi_wasi_config_free) {}

    /// The handle for the C functions.
    cmabi_wasi_config *get() const { return config_.get(); }

    /// Adds an argument; the first is the program's name.
    wasi &arg(std::string_view arg) { return set(cmabi_wasi_config_add_arg, string(arg)); }
    /// Adds the arguments of this process.
    wasi &inherit_args() { return set(cmabi_wasi_config_inherit_args); }
    /// Sets a variable of the environment.
    wasi &env(std::string_view name, std::string_view value) {
        return set(cmabi_wasi_config_set_env, string(name), string(value));
    }
    /// Sets the variables of this process's environment.
    wasi &inherit_env() { return set(cmabi_wasi_config_inherit_env); }

    /// Makes all standard streams those of this process.
    wasi &inherit_stdio() {
        return inherit_stdio(stdin_stream).inherit_stdio(stdout_stream).inherit_stdio(stderr_stream);
    }
    /// Makes a standard stream that of this process.
    wasi &inherit_stdio(stdio stream) { return set(cmabi_wasi_config_inherit_stdio, stream); }
    /// Has a standard stream read or write a file.
    wasi &stdio_file(stdio stream, std::string_view path) {
        return set(cmabi_wasi_config_set_stdio_file, stream, string(path));
    }
    /// Makes standard input these bytes.
    wasi &stdin_bytes(std::string_view bytes) {
        const void *const first = bytes.data();
        return set(cmabi_wasi_config_set_stdin_bytes, static_cast<const std::uint8_t *>(first),
                   bytes.size());
    }
    /// Has standard input read by `read`, a `std::optional<std::size_t>(std::uint8_t *buffer, std::size_t capacity)`:
    /// how many bytes it has put there, 0 at the end, `nullopt` where there are none yet
    /// (`cmabi_wasi_read`). What it throws is an I/O error for the guest, and is thrown again from the C++
    /// function that ran the store.
    template <class F>
    wasi &stdin_from(F read) {
        const cmabi_wasi_read call = [](void *data, std::uint8_t *buffer, std::size_t capacity,
                                        std::size_t *len) noexcept {
            return guarded([&] {
                return count((*static_cast<F *>(data))(buffer, capacity), len);
            });
        };
        return set(cmabi_wasi_config_set_stdin, call, detail::own_data(std::move(read)),
                   detail::drop_data<F>());
    }
    /// Has standard output or standard error go to `write`, which takes a `std::string_view` and returns nothing,
    /// or a `std::optional<std::size_t>`: how many bytes it has taken, `nullopt` where it can take none now
    /// (`cmabi_wasi_write`). What it throws is treated as for `stdin_from`.
    template <class F>
    wasi &output_to(stdio stream, F write) {
        const cmabi_wasi_write call = [](void *data, const std::uint8_t *bytes, std::size_t len,
                                         std::size_t *taken) noexcept {
            return guarded([&] {
                const void *const first = bytes;
                const std::string_view text(static_cast<const char *>(first), len);
                F &function = *static_cast<F *>(data);
                if constexpr (std::is_void_v<decltype(function(text))>) {
                    function(text);
                    return CMABI_STATUS_OK;
                } else {
                    return count(function(text), taken);
                }
            });
        };
        return set(cmabi_wasi_config_set_output, stream, call, detail::own_data(std::move(write)),
                   detail::drop_data<F>());
    }

    /// Has the last so many bytes of standard error reported with a trap; see `error::last_words`.
    wasi &last_words(std::uint32_t bytes) { return set(cmabi_wasi_config_set_last_words, bytes); }

    /// Opens a folder of the host's for components.
    wasi &dir(std::string_view host_path, std::string_view guest_path, rights granted = read_write) {
        return set(cmabi_wasi_config_add_dir, string(host_path), string(guest_path), granted);
    }

    /// Allows those uses of the network that `check` accepts, a `bool(const wasi::address &, wasi::network_use)`.
    /// What it throws is a refusal, and is thrown again as for `stdin_from`.
    template <class F>
    wasi &network(F check) {
        const cmabi_wasi_network_check call = [](void *data, const cmabi_wasi_address *asked,
                                                 cmabi_wasi_network_use use) noexcept {
            bool allowed = false;
            guarded([&] {
                allowed = (*static_cast<F *>(data))(*asked, use);
                return CMABI_STATUS_OK;
            });
            return allowed;
        };
        return set(cmabi_wasi_config_set_network, call, detail::own_data(std::move(check)),
                   detail::drop_data<F>());
    }
    /// Allows all of the network, and to look up names.
    wasi &inherit_network() { return set(cmabi_wasi_config_inherit_network); }
    /// Allows, or forbids, to look up names.
    wasi &name_lookup(bool allowed = true) {
        return set(cmabi_wasi_config_set_name_lookup, allowed);
    }

    /// Has clocks show a time that passes only while a component waits for it.
    wasi &fixed_clocks(std::chrono::nanoseconds since_1970) {
        return set(cmabi_wasi_config_set_fixed_clocks,
                   static_cast<std::uint64_t>(since_1970.count()));
    }
    /// Draws all random numbers from a seed.
    wasi &random_seed(std::uint64_t seed) { return set(cmabi_wasi_config_set_random_seed, seed); }

    /// The limits; see the C functions.
    wasi &max_resources(std::uint32_t resources) {
        return set(cmabi_wasi_config_set_max_resources, resources);
    }
    wasi &max_descriptors(std::uint32_t descriptors) {
        return set(cmabi_wasi_config_set_max_descriptors, descriptors);
    }
    wasi &max_buffer_bytes(std::uint32_t bytes) {
        return set(cmabi_wasi_config_set_max_buffer_bytes, bytes);
    }
    wasi &max_random_bytes(std::uint32_t bytes) {
        return set(cmabi_wasi_config_set_max_random_bytes, bytes);
    }
    wasi &max_poll(std::uint32_t pollables) { return set(cmabi_wasi_config_set_max_poll, pollables); }

private:
    template <class... Params, class... Args>
    wasi &set(cmabi_status (*function)(cmabi_wasi_config *, Params...), Args... args) {
        detail::call(function, get(), args...);
        return *this;
    }

    static cmabi_status count(std::optional<std::size_t> moved, std::size_t *to) {
        if (!moved) return CMABI_STATUS_PENDING;
        *to = *moved;
        return CMABI_STATUS_OK;
    }
    template <class Body>
    static cmabi_status guarded(Body body) noexcept {
        try {
            return body();
        } catch (...) {
            detail::store_use::carry();
            return CMABI_STATUS_HOST;
        }
    }

    std::shared_ptr<cmabi_wasi_config> config_;
};

} // namespace cmabi

#endif // CMABI_WASI_HPP
