// guests/echo.wat in C++: its types, and an instance of it to call.
#pragma once

#include "support.hpp"

#include <cmabi.hpp>

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace echo {

enum class color : std::uint8_t { red, green, blue };
enum class small : std::uint8_t { none = 0, a = 1, bb = 2, ccc = 4, all = 7 };

struct point {
    double x, y;
    bool operator==(const point &other) const { return x == other.x && y == other.y; }
};

struct person {
    std::string name;
    std::uint16_t age;
    std::uint32_t weight;
    std::vector<std::string> phones;
    std::tuple<std::uint16_t, std::uint32_t> vitals;
    std::optional<std::string> note;

    auto tie() const { return std::tie(name, age, weight, phones, vitals, note); }
    bool operator==(const person &other) const { return tie() == other.tie(); }
};

struct couple {
    person first, second;
    bool operator==(const couple &other) const {
        return first == other.first && second == other.second;
    }
};

using shape = std::variant<std::monostate, double, std::string, std::vector<point>,
                           std::tuple<std::uint8_t, std::uint32_t>, std::optional<std::uint64_t>,
                           std::int8_t>;

struct all {
    bool flag;
    std::int8_t s8;
    std::uint8_t u8;
    std::int16_t s16;
    std::uint16_t u16;
    std::int32_t s32;
    std::uint32_t u32;
    std::int64_t s64;
    std::uint64_t u64;
    float f32;
    double f64;
    char32_t letter;
    std::string text;
    std::vector<std::uint32_t> numbers;
    std::pair<std::string, std::uint8_t> pair;
    echo::shape shape;
    echo::color color;
    echo::small small;
    std::optional<std::optional<std::uint32_t>> option;
    cmabi::expected<std::string, std::uint32_t> result;

    auto tie() const {
        return std::tie(flag, s8, u8, s16, u16, s32, u32, s64, u64, f32, f64, letter, text, numbers,
                        pair, shape, color, small, option, result);
    }
    bool operator==(const all &other) const { return tie() == other.tie(); }
};

// A value of `all` in which no two parts look alike.
inline all sample() {
    return {true,         -8,
            0xf8,         -1600,
            0xff16,       -320000,
            0xffffff32,   -64000000000,
            0xffffffffffffff64,
            32.5F,        64.25,
            U'\U0001F30D', "t\u00e9xt",
            {1, 2, 3},    {"pair", 9},
            std::vector<point>{{1, 2}, {3, 4}},
            color::blue,  small(5),
            std::optional<std::uint32_t>(),
            cmabi::unexpected<std::uint32_t>(404)};
}

} // namespace echo

template <>
struct cmabi::enumeration<echo::color> {
    static constexpr std::array labels{"red", "green", "blue"};
};

template <>
struct cmabi::flags<echo::small> {
    static constexpr std::array labels{"a", "bb", "ccc"};
};

template <>
struct cmabi::record<echo::point> {
    static constexpr auto fields =
        std::make_tuple(cmabi::field("x", &echo::point::x), cmabi::field("y", &echo::point::y));
};

template <>
struct cmabi::record<echo::person> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("name", &echo::person::name), cmabi::field("age", &echo::person::age),
        cmabi::field("weight", &echo::person::weight), cmabi::field("phones", &echo::person::phones),
        cmabi::field("vitals", &echo::person::vitals), cmabi::field("note", &echo::person::note));
};

template <>
struct cmabi::record<echo::couple> {
    static constexpr auto fields = std::make_tuple(cmabi::field("first", &echo::couple::first),
                                                   cmabi::field("second", &echo::couple::second));
};

template <>
struct cmabi::record<echo::all> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("flag", &echo::all::flag), cmabi::field("s8", &echo::all::s8),
        cmabi::field("u8", &echo::all::u8), cmabi::field("s16", &echo::all::s16),
        cmabi::field("u16", &echo::all::u16), cmabi::field("s32", &echo::all::s32),
        cmabi::field("u32", &echo::all::u32), cmabi::field("s64", &echo::all::s64),
        cmabi::field("u64", &echo::all::u64), cmabi::field("f32", &echo::all::f32),
        cmabi::field("f64", &echo::all::f64), cmabi::field("letter", &echo::all::letter),
        cmabi::field("text", &echo::all::text), cmabi::field("numbers", &echo::all::numbers),
        cmabi::field("pair", &echo::all::pair), cmabi::field("shape", &echo::all::shape),
        cmabi::field("color", &echo::all::color), cmabi::field("small", &echo::all::small),
        cmabi::field("option", &echo::all::option), cmabi::field("result", &echo::all::result));
};

namespace echo {

// Gives values to an instance of the guest and takes them back.
class Echo {
public:
    // What the host does when the guest calls it.
    using Through = std::function<std::vector<all>(const std::vector<all> &)>;
    using Poke = std::function<void()>;

    explicit Echo(Through through = {}, Poke poke = {}) {
        cmabi::linker linker(engine);
        linker.func("through", std::move(through));
        linker.func("poke", std::move(poke));
        instance.emplace(linker.instantiate(store, component));
    }

    template <class Signature>
    cmabi::func<Signature> func(const char *name) const {
        return instance->func<Signature>(name);
    }

    // The value after a round trip by the function `name: func(v: T) -> T`.
    template <class T>
    T operator()(const char *name, const T &value) const {
        return func<T(T)>(name)(value);
    }

    // The same by the function of lists of it.
    template <class T>
    T one(const char *name, const T &value) const {
        std::vector<T> list = func<std::vector<T>(std::vector<T>)>(name)({value});
        REQUIRE(list.size() == 1);
        return list.front();
    }

    cmabi::engine engine;
    cmabi::component component{engine, read_guest("echo.wasm")};
    cmabi::store store{engine};
    std::optional<cmabi::instance> instance;
};

} // namespace echo
