// Looking functions up, and what may be done with what C++ holds.
#include "echo.hpp"

#include <type_traits>

template <class Signature>
static std::string mismatch(const echo::Echo &echo, const char *name) {
    try {
        echo.func<Signature>(name);
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_TYPE_MISMATCH);
        return error.what();
    }
    return "no mismatch";
}

TEST_CASE("a signature of another type is refused with both types named") {
    const echo::Echo echo;
    CHECK(mismatch<std::uint32_t(std::string)>(echo, "string") ==
          "function `string`: the component has `func(v: string) -> string`, C++ has "
          "`func(string) -> u32`");
    CHECK(mismatch<void(std::vector<std::optional<std::string>>)>(echo, "points") ==
          "function `points`: the component has `func(v: list<record { x: f64, y: f64 }>) -> "
          "list<record { x: f64, y: f64 }>`, C++ has `func(list<option<string>>)`");
}

TEST_CASE("each part of a signature counts") {
    const echo::Echo echo;
    using std::string;
    using std::vector;
    const auto refused = [](const std::string &message) { return message != "no mismatch"; };
    CHECK(refused(mismatch<string()>(echo, "string")));
    CHECK(refused(mismatch<string(string, string)>(echo, "string")));
    CHECK(refused(mismatch<void(string)>(echo, "string")));
    CHECK(refused(mismatch<std::uint32_t(std::int32_t)>(echo, "u32")));
    CHECK(refused(mismatch<std::uint32_t(std::uint16_t)>(echo, "u32")));
    CHECK(refused(mismatch<std::uint32_t(float)>(echo, "u32")));
    CHECK(refused(mismatch<std::uint32_t(char32_t)>(echo, "u32")));
    CHECK(refused(mismatch<vector<std::array<std::uint16_t, 4>>(vector<std::uint8_t>)>(echo, "fixed")));
    CHECK(refused(mismatch<std::bitset<4>(std::bitset<4>)>(echo, "one-small")));
    CHECK(refused(mismatch<echo::small(echo::color)>(echo, "one-small")));
    CHECK(refused(mismatch<echo::color(echo::color)>(echo, "one-small")));
    CHECK(refused(mismatch<vector<echo::person>(vector<echo::point>)>(echo, "points")));
    using pairs = vector<std::pair<std::uint32_t, std::uint32_t>>;
    CHECK(refused(mismatch<pairs(pairs)>(echo, "map")));
    using narrow = vector<std::variant<std::monostate, double>>;
    CHECK(refused(mismatch<narrow(narrow)>(echo, "shapes")));
    using results = vector<cmabi::expected<std::uint32_t, std::uint32_t>>;
    CHECK(refused(mismatch<results(results)>(echo, "results")));
    using one_sided = vector<cmabi::expected<std::uint32_t, void>>;
    CHECK(refused(mismatch<one_sided(one_sided)>(echo, "results")));
}

namespace {
struct misnamed {
    double x, z;
};
} // namespace

template <>
struct cmabi::record<misnamed> {
    static constexpr auto fields =
        std::make_tuple(cmabi::field("x", &misnamed::x), cmabi::field("z", &misnamed::z));
};

TEST_CASE("the names of fields count") {
    const echo::Echo echo;
    using list = std::vector<misnamed>;
    CHECK(mismatch<list(list)>(echo, "points").find("record { x: f64, z: f64 }") !=
          std::string::npos);
}

TEST_CASE("a function that is not there is an error") {
    const echo::Echo echo;
    try {
        echo.func<void()>("nothing");
        FAIL("found");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_NOT_FOUND);
        CHECK(std::string(error.what()).find("nothing") != std::string::npos);
    }
}

TEST_CASE("functions outlive the objects that they were got from") {
    std::optional<cmabi::func<std::string(std::string_view)>> same;
    {
        const echo::Echo echo;
        same = echo.func<std::string(std::string_view)>("string");
    }
    CHECK((*same)("still there") == "still there");
}

TEST_CASE("functions and instances that were moved from still work") {
    echo::Echo echo;
    auto same = echo.func<std::uint32_t(std::uint32_t)>("u32");
    const auto moved = std::move(same);
    CHECK(moved(1) == 1);
    CHECK(same(2) == 2);
    const cmabi::instance instance = std::move(*echo.instance);
    CHECK(echo.instance->func<bool(bool)>("bool")(true));
}

TEST_CASE("handles that were moved from are empty, and refused") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    cmabi::store store(engine);
    cmabi::component component(engine, read_guest("adder.wasm"));

    const cmabi::component kept = std::move(component);
    CHECK_FALSE(component);
    CHECK_THROWS_WITH_AS(linker.instantiate(store, component), doctest::Contains("component"),
                         cmabi::error);
    const cmabi::store kept_store = std::move(store);
    CHECK_FALSE(store);
    CHECK_THROWS_WITH_AS(linker.instantiate(store, kept), doctest::Contains("store"), cmabi::error);
    CHECK_THROWS_AS(store.run(), cmabi::error);
    const cmabi::engine kept_engine = std::move(engine);
    CHECK_THROWS_WITH_AS(cmabi::store{engine}, doctest::Contains("engine"), cmabi::error);
    const cmabi::linker kept_linker = std::move(linker);
    CHECK_THROWS_WITH_AS(linker.func("f", [] {}), doctest::Contains("linker"), cmabi::error);

    static_assert(!std::is_copy_constructible_v<cmabi::store>);
    static_assert(!std::is_copy_constructible_v<cmabi::engine>);
    static_assert(std::is_nothrow_move_constructible_v<cmabi::component>);
}

TEST_CASE("engines, linkers and components may go before their instances") {
    std::optional<cmabi::instance> instance;
    {
        const cmabi::engine engine;
        const cmabi::component component(engine, read_guest("adder.wasm"));
        cmabi::store store(engine);
        instance = cmabi::linker(engine).instantiate(store, component);
    }
    const auto add = instance->func<std::uint32_t(std::uint32_t, std::uint32_t)>("add");
    CHECK(add(2, 3) == 5);
    CHECK(add(0xffffffff, 1) == 0);
}

TEST_CASE("what cannot be loaded is an error with its status") {
    const cmabi::engine engine;
    const auto status_of = [&](auto &&source) {
        try {
            cmabi::component component(engine, source);
        } catch (const cmabi::error &error) {
            return error.status();
        }
        return CMABI_STATUS_OK;
    };
    CHECK(status_of("no-such-file.wasm") == CMABI_STATUS_NOT_FOUND);
    CHECK(status_of(std::vector<std::uint8_t>{}) == CMABI_STATUS_INVALID);
    CHECK(status_of(std::vector<std::uint8_t>{1, 2, 3}) == CMABI_STATUS_INVALID);
}

TEST_CASE("an error can be copied and outlives everything") {
    std::optional<cmabi::error> kept;
    try {
        echo::Echo().func<void()>("nothing");
    } catch (const cmabi::error &error) {
        kept = error;
    }
    REQUIRE(kept);
    const cmabi::error copy = *kept;
    CHECK(copy.status() == CMABI_STATUS_NOT_FOUND);
    CHECK(copy.what() == std::string(kept->what()));
    CHECK(copy.path().empty());
    CHECK(copy.frames().empty());
}

TEST_CASE("a trap says where it happened") {
    const echo::Echo echo;
    std::vector<std::string> list{"fine", "\xff"};
    try {
        echo("strings", list);
        FAIL("no trap");
    } catch (const cmabi::error &error) {
        CHECK(error.path() == "param \"v\", element 1");
    }
}

TEST_CASE("fuel ends a guest") {
    cmabi::config config;
    config.fuel(100);
    const cmabi::engine engine(config);
    const cmabi::component component(engine, read_guest("echo.wasm"));
    cmabi::linker linker(engine);
    linker.func("through", [](std::vector<echo::all> values) { return values; });
    linker.func("poke", [] {});
    cmabi::store store(engine, config);
    const auto instance = linker.instantiate(store, component);
    const auto same = instance.func<std::vector<std::string>(std::vector<std::string>)>("strings");
    CHECK_THROWS_WITH_AS(same(std::vector<std::string>(100, "x")), doctest::Contains("fuel"),
                         cmabi::error);
    store.set_fuel(1000000);
    CHECK(store.fuel() <= 1000000);
}

TEST_CASE("types from WIT text") {
    const cmabi::wit wit("package a:b; interface i { record point { x: f64, y: f64 } }");
    const cmabi::type point = wit.type("i/point");
    const cmabi::type copy = point;
    CHECK(copy == point);
    CHECK(point.text() == "record { x: f64, y: f64 }");
    CHECK_THROWS_AS(wit.type("i/line"), cmabi::error);
    CHECK_THROWS_AS(cmabi::wit("package"), cmabi::error);
}
