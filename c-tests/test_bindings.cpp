// Code that is generated for guests/echo.wat, whose world has a function for every kind of value: the values
// come back as they went, and go through the host's function, too.
#include "echoes.hpp" // generated
#include "support.hpp"

#include <sstream>
#include <stdexcept>

namespace {

using namespace root::component;

all sample(std::uint32_t number) {
    all value;
    value.flag = true;
    value.s8 = -8;
    value.u8 = 0xf8;
    value.s16 = -1600;
    value.u16 = 0xff16;
    value.s32 = -320000;
    value.u32 = number;
    value.s64 = -64000000000;
    value.u64 = 0xffffffffffffff64;
    value.f32 = 32.5F;
    value.f64 = 64.25;
    value.letter = U'\U0001F30D';
    value.text = "t\u00e9xt";
    value.numbers = {1, 2, 3};
    value.pair = {"pair", 9};
    value.shape.emplace<shape_case::many>({point{1, 2}, point{3, 4}});
    value.color = color::blue;
    value.small = small::a | small::ccc;
    value.option.emplace(std::nullopt);
    value.result = cmabi::unexpected<std::uint32_t>(404);
    return value;
}

// Has the functions that the guest imports.
struct Host {
    std::size_t seen = 0;
    bool fails = false;

    std::vector<all> through(const std::vector<all> &values) {
        seen += values.size();
        return {values.rbegin(), values.rend()};
    }
    void poke() {
        if (fails) throw std::runtime_error("poked");
        ++seen;
    }
};

struct Guest {
    Host host;
    cmabi::engine engine;
    cmabi::component component{engine, read_guest("echo.wasm")};
    cmabi::store store{engine};
    std::optional<root::component::echoes> bound;

    Guest() {
        cmabi::linker linker(engine);
        root::component::echoes::add_to_linker(linker, host);
        bound.emplace(linker, store, component);
    }
    const root::component::echoes *operator->() const { return &*bound; }
};

} // namespace

TEST_CASE("values of every kind come back") {
    Guest guest;
    CHECK(guest->one_all(sample(1)) == sample(1));
    const std::vector<all> many{sample(1), sample(2), all()};
    CHECK(guest->alls(many) == many);
    CHECK(guest->bool_(true));
    CHECK(guest->s64(-5) == -5);
    CHECK(guest->char_(U'\u00e9') == U'\u00e9');
    CHECK(guest->string("text") == "text");
    CHECK(guest->one_color(color::green) == color::green);
    CHECK(guest->one_large(large::l31 | large::l0) == (large::l31 | large::l0));
    CHECK(guest->two_strings("a", "b") == std::tuple<std::string, std::string>("a", "b"));
    CHECK(guest->map({{1, "one"}, {2, "two"}}) == std::map<std::uint32_t, std::string>{{1, "one"}, {2, "two"}});
    std::vector<shape> shapes(7);
    shapes[1].emplace<shape_case::round>(0.5);
    shapes[2].emplace<shape_case::named>("square");
    shapes[3].emplace<shape_case::many>({point{1, 2}});
    shapes[4].emplace<shape_case::numbered>(std::uint8_t{4}, 5u);
    shapes[5].emplace<shape_case::maybe>(6u);
    shapes[6].emplace<shape_case::narrow>(std::int8_t{-7});
    CHECK(guest->shapes(shapes) == shapes);
}

TEST_CASE("values can be printed") {
    std::ostringstream to;
    to << sample(7);
    const std::string text = to.str();
    const auto has = [&text](const char *part) { return text.find(part) != std::string::npos; };
    CAPTURE(text);
    CHECK(has("{flag: true, s8: -8, u8: 248, "));
    CHECK(has("letter: u+01f30d, text: \"t\u00e9xt\", numbers: [1, 2, 3], pair: (\"pair\", 9), "));
    CHECK(has("shape: case 3([{x: 1, y: 2}, {x: 3, y: 4}]), "));
    CHECK(has("color: blue, small: {a, ccc}, option: some(none), result: err(404)"));
}

TEST_CASE("the host's functions are members of its object") {
    Guest guest;
    const std::vector<all> many{sample(1), sample(2)}, reversed{sample(2), sample(1)};
    CHECK(guest->through(many) == reversed);
    guest->poke();
    CHECK(guest.host.seen == 3);
    guest.host.fails = true;
    CHECK_THROWS_WITH_AS(guest->poke(), "poked", std::runtime_error);
}

TEST_CASE("functions that are named have the forms of async ones") {
    struct {
        std::optional<cmabi::promise<std::vector<all>>> promise;
        void through(cmabi::promise<std::vector<all>> later, const std::vector<all> &) { promise = std::move(later); }
        void poke() {}
    } host;
    const cmabi::engine engine;
    const cmabi::component component(engine, read_guest("echo.wasm"));
    cmabi::store store(engine);
    cmabi::linker linker(engine);
    root::component::echoes::add_to_linker(linker, host);
    const root::component::echoes guest(linker, store, component);
    cmabi::subtask<void> poked = guest.poke_start();
    CHECK(poked.done());
    poked.get();
    cmabi::subtask<std::vector<all>> call = guest.through_start({sample(1)});
    CHECK(!call.done());
    REQUIRE(host.promise);
    const std::vector<all> answer{sample(2), sample(3)};
    host.promise->resolve(answer);
    store.run();
    CHECK(call.get() == answer);
}

TEST_CASE("a component that does not fit is told from one that does, with all that differs") {
    const cmabi::engine engine;
    const cmabi::component component(engine, read_guest("greet.wasm"));
    cmabi::store store(engine);
    try {
        const root::component::echoes other(cmabi::linker(engine), store, component);
        FAIL("it fits");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_TYPE_MISMATCH);
        const std::string message = error.what();
        CHECK(message.find("exports do not fit:\n  bool: missing, expected func(v: bool) -> bool\n") !=
              std::string::npos);
        CHECK(message.find("\n  poke: missing, expected func()") != std::string::npos);
    }
}
