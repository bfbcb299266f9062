// Written by cmabi bindgen 0.2.0 from `jobs.wit`, world `jobs`. Do not edit.
#ifndef DEMO_JOBS_JOBS_HPP
#define DEMO_JOBS_JOBS_HPP

#include <cmabi.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// What WIT says of the functions, for the library to check.

namespace demo::jobs::jobs_descs {

inline constexpr cmabi_type_desc type_string = {CMABI_KIND_STRING, 0, nullptr, 0};
inline constexpr cmabi_type_desc type_u32 = {CMABI_KIND_U32, 0, nullptr, 0};
inline constexpr cmabi_part_desc params_run[] = {
    {"text", &type_string},
    {"rounds", &type_u32},
    {"pause", &type_u32},
};
inline constexpr cmabi_type_desc type_u64 = {CMABI_KIND_U64, 0, nullptr, 0};
inline constexpr cmabi_export_desc exports[] = {
    {"run", {params_run, 3, &type_u64, true}},
};
inline constexpr cmabi_part_desc params_sleep[] = {{"ms", &type_u32}};
inline constexpr cmabi_func_desc demo_jobs_host_sleep = {params_sleep, 1, nullptr, true};
inline constexpr cmabi_part_desc params_digest[] = {{"text", &type_string}};
inline constexpr cmabi_func_desc demo_jobs_host_digest = {params_digest, 1, &type_u64, true};

} // namespace demo::jobs::jobs_descs

namespace demo::jobs::host {

/// Offers components what they import as `demo:jobs/host`: the members of `host`,
/// which must stay as long as the linker and all stores that it is used with.
///
///     void sleep(std::uint32_t ms);
///     std::uint64_t digest(std::string_view text);
template <class Host>
void add_to_linker(cmabi::linker &linker, Host &host) {
    cmabi::bindings::import<void(std::uint32_t)>::add(
            linker, "demo:jobs/host", "sleep", ::demo::jobs::jobs_descs::demo_jobs_host_sleep,
            cmabi::bindings::member_of(host, [] CMABI_BINDINGS_MEMBER(sleep)));
    cmabi::bindings::import<std::uint64_t(std::string_view)>::add(
            linker, "demo:jobs/host", "digest", ::demo::jobs::jobs_descs::demo_jobs_host_digest,
            cmabi::bindings::member_of(host, [] CMABI_BINDINGS_MEMBER(digest)));
}

} // namespace demo::jobs::host

namespace demo::jobs {

/// An instance of a component for the world `jobs`, whose functions have been looked up.
class jobs {
public:
    /// Looks up and checks all functions. Throws a `cmabi::error` with `CMABI_STATUS_TYPE_MISMATCH`
    /// that lists each one that is missing or has another type.
    explicit jobs(const cmabi::instance &of)
        : state_(std::make_shared<const state>(of)) {
        cmabi::bindings::bind(of, state_);
    }
    /// Makes an instance and does the same.
    jobs(const cmabi::linker &linker, cmabi::store &store, const cmabi::component &component)
        : jobs(linker.instantiate(store, component)) {}

    /// Sleeps and digests `text` in turn, `rounds` times each; the digests put together.
    std::uint64_t run(std::string_view text, std::uint32_t rounds, std::uint32_t pause) const {
        return state_->call_run(text, rounds, pause);
    }
    /// The same without waiting for the result.
    cmabi::subtask<std::uint64_t> run_start(
            std::string_view text, std::uint32_t rounds, std::uint32_t pause) const {
        return state_->call_run.start(text, rounds, pause);
    }

    /// The instance.
    const cmabi::instance &instance() const {
        return state_->of;
    }

    /// Offers components all that the world imports: each host has the functions of one interface,
    /// as the function of this name in the interface's namespace says.
    template <class Host0>
    static void add_to_linker(cmabi::linker &linker, [[maybe_unused]] Host0 &host) {
        ::demo::jobs::host::add_to_linker(linker, host);
    }

    /// What was looked up: for generated code.
    struct state {
        explicit state(const cmabi::instance &in)
            : state(in, cmabi::bindings::look_up(in, ::demo::jobs::jobs_descs::exports).data()) {}
        state(const cmabi::instance &in, const cmabi_func *const *found)
            : of(in),
              call_run(cmabi::bindings::found_func{in, found[0]}) {}

        cmabi::instance of;
        cmabi::func<std::uint64_t(std::string_view, std::uint32_t, std::uint32_t)> call_run;
    };

private:
    std::shared_ptr<const state> state_;
};

} // namespace demo::jobs

#endif // DEMO_JOBS_JOBS_HPP
