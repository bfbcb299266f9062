// Written by cmabi bindgen 0.2.0 from `app.wit`, world `app`. Do not edit.
#ifndef DEMO_APP_APP_HPP
#define DEMO_APP_APP_HPP

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

namespace demo::app::log {

// Where the guest's log lines go. Implemented by the host.

enum class level : std::uint8_t {
    debug,
    info,
    warning,
    error,
};

} // namespace demo::app::log

template <>
struct cmabi::enumeration<::demo::app::log::level> {
    static constexpr std::array labels{"debug", "info", "warning", "error"};
};

namespace exports::demo::app::shop {

// Taking orders. Implemented by the guest.

enum class handling : std::uint8_t {
    fragile = 0x1,
    express = 0x2,
    gift_wrap = 0x4,
};
constexpr handling operator|(handling a, handling b) {
    return static_cast<handling>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr handling operator&(handling a, handling b) {
    return static_cast<handling>(static_cast<std::uint8_t>(a) & static_cast<std::uint8_t>(b));
}
constexpr handling operator^(handling a, handling b) {
    return static_cast<handling>(static_cast<std::uint8_t>(a) ^ static_cast<std::uint8_t>(b));
}
constexpr handling operator~(handling a) {
    return static_cast<handling>(static_cast<std::uint8_t>(~static_cast<std::uint32_t>(a) & 0x7));
}
constexpr handling &operator|=(handling &a, handling b) { return a = a | b; }
constexpr handling &operator&=(handling &a, handling b) { return a = a & b; }
constexpr handling &operator^=(handling &a, handling b) { return a = a ^ b; }
struct item;
struct order;
struct receipt;

using payment = std::variant<std::uint64_t, std::string, std::vector<std::tuple<std::string, std::uint64_t>>>;
/// The indices of the cases of `payment`.
struct payment_case {
    static constexpr std::size_t cash = 0;
    static constexpr std::size_t card = 1;
    /// Who pays how much.
    static constexpr std::size_t shared = 2;
};

using refusal = std::variant<std::monostate, std::tuple<std::string, std::uint32_t>, std::uint64_t>;
/// The indices of the cases of `refusal`.
struct refusal_case {
    static constexpr std::size_t empty_order = 0;
    /// The item, and how many of it there are.
    static constexpr std::size_t out_of_stock = 1;
    /// How much is missing.
    static constexpr std::size_t underpaid = 2;
};

/// Money is in cents.
struct item {
    std::string name{};
    std::uint32_t count{};
    std::uint64_t price{};
    ::exports::demo::app::shop::handling handling{};
};

struct order {
    std::string customer{};
    std::vector<::exports::demo::app::shop::item> items{};
    std::optional<std::string> note{};
    ::exports::demo::app::shop::payment payment{};
};

struct receipt {
    std::uint32_t number{};
    std::uint64_t total{};
    ::exports::demo::app::shop::handling handling{};
    std::vector<std::string> lines{};
    /// What is handed back in cash.
    std::optional<std::uint64_t> change{};
};

} // namespace exports::demo::app::shop

template <>
struct cmabi::flags<::exports::demo::app::shop::handling> {
    static constexpr std::array labels{"fragile", "express", "gift-wrap"};
};

template <>
struct cmabi::record<::exports::demo::app::shop::item> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("name", &::exports::demo::app::shop::item::name),
        cmabi::field("count", &::exports::demo::app::shop::item::count),
        cmabi::field("price", &::exports::demo::app::shop::item::price),
        cmabi::field("handling", &::exports::demo::app::shop::item::handling));
};

template <>
struct cmabi::record<::exports::demo::app::shop::order> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("customer", &::exports::demo::app::shop::order::customer),
        cmabi::field("items", &::exports::demo::app::shop::order::items),
        cmabi::field("note", &::exports::demo::app::shop::order::note),
        cmabi::field("payment", &::exports::demo::app::shop::order::payment));
};

template <>
struct cmabi::record<::exports::demo::app::shop::receipt> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("number", &::exports::demo::app::shop::receipt::number),
        cmabi::field("total", &::exports::demo::app::shop::receipt::total),
        cmabi::field("handling", &::exports::demo::app::shop::receipt::handling),
        cmabi::field("lines", &::exports::demo::app::shop::receipt::lines),
        cmabi::field("change", &::exports::demo::app::shop::receipt::change));
};

// What WIT says of the functions, for the library to check.

namespace demo::app::app_descs {

inline constexpr cmabi_type_desc type_string = {CMABI_KIND_STRING, 0, nullptr, 0};
inline constexpr cmabi_type_desc type_u32 = {CMABI_KIND_U32, 0, nullptr, 0};
inline constexpr cmabi_type_desc type_u64 = {CMABI_KIND_U64, 0, nullptr, 0};
inline constexpr cmabi_part_desc parts_handling[] = {
    {"fragile", nullptr},
    {"express", nullptr},
    {"gift-wrap", nullptr},
};
inline constexpr cmabi_type_desc type_handling = {CMABI_KIND_FLAGS, 0, parts_handling, 3};
inline constexpr cmabi_part_desc parts_item[] = {
    {"name", &type_string},
    {"count", &type_u32},
    {"price", &type_u64},
    {"handling", &type_handling},
};
inline constexpr cmabi_type_desc type_item = {CMABI_KIND_RECORD, 0, parts_item, 4};
inline constexpr cmabi_part_desc parts_list_item[] = {{nullptr, &type_item}};
inline constexpr cmabi_type_desc type_list_item = {CMABI_KIND_LIST, 0, parts_list_item, 1};
inline constexpr cmabi_part_desc parts_option_string[] = {{nullptr, &type_string}};
inline constexpr cmabi_type_desc type_option_string = {CMABI_KIND_OPTION, 0, parts_option_string, 1};
inline constexpr cmabi_part_desc parts_tuple_string_u64[] = {
    {nullptr, &type_string},
    {nullptr, &type_u64},
};
inline constexpr cmabi_type_desc type_tuple_string_u64 = {CMABI_KIND_TUPLE, 0, parts_tuple_string_u64, 2};
inline constexpr cmabi_part_desc parts_list_tuple_string_u64[] = {
    {nullptr, &type_tuple_string_u64},
};
inline constexpr cmabi_type_desc type_list_tuple_string_u64 = {CMABI_KIND_LIST, 0, parts_list_tuple_string_u64, 1};
inline constexpr cmabi_part_desc parts_payment[] = {
    {"cash", &type_u64},
    {"card", &type_string},
    {"shared", &type_list_tuple_string_u64},
};
inline constexpr cmabi_type_desc type_payment = {CMABI_KIND_VARIANT, 0, parts_payment, 3};
inline constexpr cmabi_part_desc parts_order[] = {
    {"customer", &type_string},
    {"items", &type_list_item},
    {"note", &type_option_string},
    {"payment", &type_payment},
};
inline constexpr cmabi_type_desc type_order = {CMABI_KIND_RECORD, 0, parts_order, 4};
inline constexpr cmabi_part_desc params_place[] = {{"order", &type_order}};
inline constexpr cmabi_type_desc type_list_string = {CMABI_KIND_LIST, 0, parts_option_string, 1};
inline constexpr cmabi_part_desc parts_option_u64[] = {{nullptr, &type_u64}};
inline constexpr cmabi_type_desc type_option_u64 = {CMABI_KIND_OPTION, 0, parts_option_u64, 1};
inline constexpr cmabi_part_desc parts_receipt[] = {
    {"number", &type_u32},
    {"total", &type_u64},
    {"handling", &type_handling},
    {"lines", &type_list_string},
    {"change", &type_option_u64},
};
inline constexpr cmabi_type_desc type_receipt = {CMABI_KIND_RECORD, 0, parts_receipt, 5};
inline constexpr cmabi_part_desc parts_tuple_string_u32[] = {
    {nullptr, &type_string},
    {nullptr, &type_u32},
};
inline constexpr cmabi_type_desc type_tuple_string_u32 = {CMABI_KIND_TUPLE, 0, parts_tuple_string_u32, 2};
inline constexpr cmabi_part_desc parts_refusal[] = {
    {"empty-order", nullptr},
    {"out-of-stock", &type_tuple_string_u32},
    {"underpaid", &type_u64},
};
inline constexpr cmabi_type_desc type_refusal = {CMABI_KIND_VARIANT, 0, parts_refusal, 3};
inline constexpr cmabi_part_desc parts_result_receipt_refusal[] = {
    {nullptr, &type_receipt},
    {nullptr, &type_refusal},
};
inline constexpr cmabi_type_desc type_result_receipt_refusal = {CMABI_KIND_RESULT, 0, parts_result_receipt_refusal, 2};
inline constexpr cmabi_part_desc params_greet[] = {{"name", &type_string}};
inline constexpr cmabi_part_desc parts_list_u32[] = {{nullptr, &type_u32}};
inline constexpr cmabi_type_desc type_list_u32 = {CMABI_KIND_LIST, 0, parts_list_u32, 1};
inline constexpr cmabi_part_desc params_sum[] = {{"numbers", &type_list_u32}};
inline constexpr cmabi_type_desc type_s32 = {CMABI_KIND_S32, 0, nullptr, 0};
inline constexpr cmabi_part_desc parts_list_s32[] = {{nullptr, &type_s32}};
inline constexpr cmabi_type_desc type_list_s32 = {CMABI_KIND_LIST, 0, parts_list_s32, 1};
inline constexpr cmabi_part_desc params_min_max[] = {{"numbers", &type_list_s32}};
inline constexpr cmabi_part_desc parts_tuple_s32_s32[] = {
    {nullptr, &type_s32},
    {nullptr, &type_s32},
};
inline constexpr cmabi_type_desc type_tuple_s32_s32 = {CMABI_KIND_TUPLE, 0, parts_tuple_s32_s32, 2};
inline constexpr cmabi_part_desc parts_option_tuple_s32_s32[] = {{nullptr, &type_tuple_s32_s32}};
inline constexpr cmabi_type_desc type_option_tuple_s32_s32 = {CMABI_KIND_OPTION, 0, parts_option_tuple_s32_s32, 1};
inline constexpr cmabi_part_desc params_divide[] = {{"a", &type_s32}, {"b", &type_s32}};
inline constexpr cmabi_part_desc parts_result_s32_string[] = {
    {nullptr, &type_s32},
    {nullptr, &type_string},
};
inline constexpr cmabi_type_desc type_result_s32_string = {CMABI_KIND_RESULT, 0, parts_result_s32_string, 2};
inline constexpr cmabi_export_desc exports[] = {
    {"demo:app/shop#place", {params_place, 1, &type_result_receipt_refusal, false}},
    {"greet", {params_greet, 1, &type_string, false}},
    {"sum", {params_sum, 1, &type_u64, false}},
    {"min-max", {params_min_max, 1, &type_option_tuple_s32_s32, false}},
    {"divide", {params_divide, 2, &type_result_s32_string, false}},
    {"crash", {nullptr, 0, nullptr, false}},
};
inline constexpr cmabi_part_desc parts_level[] = {
    {"debug", nullptr},
    {"info", nullptr},
    {"warning", nullptr},
    {"error", nullptr},
};
inline constexpr cmabi_type_desc type_level = {CMABI_KIND_ENUM, 0, parts_level, 4};
inline constexpr cmabi_part_desc params_line[] = {{"level", &type_level}, {"text", &type_string}};
inline constexpr cmabi_func_desc demo_app_log_line = {params_line, 2, nullptr, false};
inline constexpr cmabi_part_desc params_get[] = {{"key", &type_string}};
inline constexpr cmabi_func_desc demo_app_settings_get =
    {params_get, 1, &type_option_string, false};

} // namespace demo::app::app_descs

namespace demo::app::log {

/// Offers components what they import as `demo:app/log`: the members of `host`,
/// which must stay as long as the linker and all stores that it is used with.
///
///     void line(::demo::app::log::level level_, std::string_view text);
template <class Host>
void add_to_linker(cmabi::linker &linker, Host &host) {
    cmabi::bindings::import<void(::demo::app::log::level, std::string_view)>::add(
            linker, "demo:app/log", "line", ::demo::app::app_descs::demo_app_log_line,
            cmabi::bindings::member_of(host, [] CMABI_BINDINGS_MEMBER(line)));
}

} // namespace demo::app::log

namespace demo::app::settings {

/// Offers components what they import as `demo:app/settings`: the members of `host`,
/// which must stay as long as the linker and all stores that it is used with.
///
///     std::optional<std::string> get(std::string_view key);
template <class Host>
void add_to_linker(cmabi::linker &linker, Host &host) {
    cmabi::bindings::import<std::optional<std::string>(std::string_view)>::add(
            linker, "demo:app/settings", "get", ::demo::app::app_descs::demo_app_settings_get,
            cmabi::bindings::member_of(host, [] CMABI_BINDINGS_MEMBER(get)));
}

} // namespace demo::app::settings

namespace exports::demo::app::shop {

/// What a component exports as `demo:app/shop`.
///
/// Taking orders. Implemented by the guest.
class functions {
public:
    /// Calls `log` and `settings` while it runs: `stock.<name>` limits how many there are of an item,
    /// `currency` is printed behind each amount.
    cmabi::expected<::exports::demo::app::shop::receipt, ::exports::demo::app::shop::refusal> place(
            const ::exports::demo::app::shop::order &order_) const {
        return call_place(order_);
    }

    /// For the class of the world.
    functions(const cmabi::instance &in, const cmabi_func *const *found)
        : call_place(cmabi::bindings::found_func{in, found[0]}) {}

private:
    cmabi::func<cmabi::expected<::exports::demo::app::shop::receipt, ::exports::demo::app::shop::refusal>(::exports::demo::app::shop::order)> call_place;
};

} // namespace exports::demo::app::shop

namespace demo::app {

/// An instance of a component for the world `app`, whose functions have been looked up.
class app {
public:
    /// Looks up and checks all functions. Throws a `cmabi::error` with `CMABI_STATUS_TYPE_MISMATCH`
    /// that lists each one that is missing or has another type.
    explicit app(const cmabi::instance &of)
        : state_(std::make_shared<const state>(of)) {
        cmabi::bindings::bind(of, state_);
    }
    /// Makes an instance and does the same.
    app(const cmabi::linker &linker, cmabi::store &store, const cmabi::component &component)
        : app(linker.instantiate(store, component)) {}

    /// The greeting is the setting `greeting`, or "Hello".
    std::string greet(std::string_view name) const {
        return state_->call_greet(name);
    }

    std::uint64_t sum(const std::vector<std::uint32_t> &numbers) const {
        return state_->call_sum(numbers);
    }

    /// None for an empty list.
    std::optional<std::tuple<std::int32_t, std::int32_t>> min_max(
            const std::vector<std::int32_t> &numbers) const {
        return state_->call_min_max(numbers);
    }

    cmabi::expected<std::int32_t, std::string> divide(std::int32_t a, std::int32_t b) const {
        return state_->call_divide(a, b);
    }

    /// Executes `unreachable`.
    void crash() const {
        return state_->call_crash();
    }

    /// `demo:app/shop`
    const ::exports::demo::app::shop::functions &shop() const {
        return state_->interface_0;
    }

    /// The instance.
    const cmabi::instance &instance() const {
        return state_->of;
    }

    /// Offers components all that the world imports: each host has the functions of one interface,
    /// as the function of this name in the interface's namespace says.
    template <class Host0, class Host1>
    static void add_to_linker(
            cmabi::linker &linker, [[maybe_unused]] Host0 &log, [[maybe_unused]] Host1 &settings) {
        ::demo::app::log::add_to_linker(linker, log);
        ::demo::app::settings::add_to_linker(linker, settings);
    }
    /// The same, with all functions in one object.
    template <class Host>
    static void add_to_linker(cmabi::linker &linker, Host &host) {
        add_to_linker(linker, host, host);
    }

    /// What was looked up: for generated code.
    struct state {
        explicit state(const cmabi::instance &in)
            : state(in, cmabi::bindings::look_up(in, ::demo::app::app_descs::exports).data()) {}
        state(const cmabi::instance &in, const cmabi_func *const *found)
            : of(in),
              interface_0(in, found + 0),
              call_greet(cmabi::bindings::found_func{in, found[1]}),
              call_sum(cmabi::bindings::found_func{in, found[2]}),
              call_min_max(cmabi::bindings::found_func{in, found[3]}),
              call_divide(cmabi::bindings::found_func{in, found[4]}),
              call_crash(cmabi::bindings::found_func{in, found[5]}) {}

        cmabi::instance of;
        ::exports::demo::app::shop::functions interface_0;
        cmabi::func<std::string(std::string_view)> call_greet;
        cmabi::func<std::uint64_t(std::vector<std::uint32_t>)> call_sum;
        cmabi::func<std::optional<std::tuple<std::int32_t, std::int32_t>>(std::vector<std::int32_t>)> call_min_max;
        cmabi::func<cmabi::expected<std::int32_t, std::string>(std::int32_t, std::int32_t)> call_divide;
        cmabi::func<void()> call_crash;
    };

private:
    std::shared_ptr<const state> state_;
};

} // namespace demo::app

#endif // DEMO_APP_APP_HPP
