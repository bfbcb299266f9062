// C++ functions that guests call.
#include "echo.hpp"

#include <memory>
#include <stdexcept>

using values = std::vector<echo::all>;

TEST_CASE("a host function gets what the guest was given, and the guest what it returns") {
    int calls = 0;
    const echo::Echo echo([&](const values &given) {
        ++calls;
        CHECK(given == values{echo::sample(), echo::sample()});
        values answer = given;
        answer[1].text = "changed by the host";
        answer[1].numbers.push_back(4);
        return answer;
    });
    const values got = echo("through", values(2, echo::sample()));
    CHECK(calls == 1);
    REQUIRE(got.size() == 2);
    CHECK(got[0] == echo::sample());
    CHECK(got[1].text == "changed by the host");
    CHECK(got[1].numbers == std::vector<std::uint32_t>{1, 2, 3, 4});
}

namespace {
// guests/caller.wat, which calls three functions of the host.
struct Caller {
    static constexpr auto host = "test:guest/host@1.2.0";

    cmabi::instance instantiate() { return linker.instantiate(store, component); }
    // Offers what a test does not care about.
    void offer_number() {
        linker.func(host, "number", [](std::uint32_t x) { return x; });
    }
    void offer_text() {
        linker.func(host, "text", [](std::string text) { return text; });
    }
    void offer_signal() {
        linker.func(host, "signal", [] {});
    }

    cmabi::engine engine;
    cmabi::component component{engine, read_guest("caller.wasm")};
    cmabi::linker linker{engine};
    cmabi::store store{engine};
};

struct custom_exception {
    int code;
};

std::uint32_t doubled(std::uint32_t x) noexcept {
    return 2 * x;
}
} // namespace

TEST_CASE("plain functions, lambdas with state and function objects serve") {
    Caller caller;
    std::string last;
    int signals = 0;
    caller.linker.func(Caller::host, "number", doubled);
    caller.linker.func(Caller::host, "text", [&last](std::string_view text) {
        last = text;
        return "<" + last + ">";
    });
    caller.linker.func(Caller::host, "signal", std::function<void()>([&] { ++signals; }));
    const auto instance = caller.instantiate();

    CHECK(instance.func<std::uint32_t(std::uint32_t)>("number")(21) == 43);
    CHECK(instance.func<std::string(std::string_view)>("text")("hi") == "<hi>");
    CHECK(last == "hi");
    instance.func<void()>("signal")();
    CHECK(signals == 1);
}

TEST_CASE("a host function may return a view of what lives on") {
    Caller caller;
    const std::string text(5000, 'y');
    caller.offer_number();
    caller.offer_signal();
    caller.linker.func(Caller::host, "text", [&](cmabi::string) -> std::string_view { return text; });
    CHECK(caller.instantiate().func<std::string(std::string_view)>("text")("") == text);
}

TEST_CASE("the state of a host function goes with the linker and its stores") {
    const auto state = std::make_shared<int>(1);
    {
        std::optional<cmabi::instance> instance;
        {
            Caller caller;
            caller.offer_number();
            caller.offer_text();
            caller.linker.func(Caller::host, "signal", [state] { ++*state; });
            instance = caller.instantiate();
        }
        CHECK(state.use_count() == 2);
        instance->func<void()>("signal")();
        CHECK(*state == 2);
    }
    CHECK(state.use_count() == 1);
}

TEST_CASE("what was found once makes many instances") {
    const auto state = std::make_shared<int>(0);
    {
        std::optional<cmabi::instance_pre> pre;
        {
            Caller caller;
            caller.offer_number();
            caller.offer_text();
            CHECK_THROWS_WITH_AS(caller.linker.prepare(caller.component), doctest::Contains("signal"), cmabi::error);
            caller.linker.func(Caller::host, "signal", [state] { ++*state; });
            pre = caller.linker.prepare(caller.component);
            for (int i = 0; i < 2; ++i) {
                cmabi::store store(caller.engine);
                pre->instantiate(store).func<void()>("signal")();
                pre->instantiate(store).func<void()>("signal")();
            }
        }
        CHECK(*state == 4);
        CHECK(state.use_count() == 2);
    }
    CHECK(state.use_count() == 1);
}

TEST_CASE("a name that is taken is refused, and the function dropped") {
    const auto state = std::make_shared<int>(0);
    Caller caller;
    caller.offer_signal();
    CHECK_THROWS_WITH_AS(caller.linker.func(Caller::host, "signal", [state] {}),
                         doctest::Contains("signal"), cmabi::error);
    CHECK(state.use_count() == 1);
}

TEST_CASE("a host function of another type is refused when it is linked, with all that is wrong") {
    Caller caller;
    caller.linker.func(Caller::host, "number", [](std::string_view) { return 1.5; });
    caller.linker.func(Caller::host, "text", [](std::optional<std::string> text) { return text; });
    try {
        caller.instantiate();
        FAIL("linked");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_LINK);
        const std::string message = error.what();
        for (const char *part : {
                 "host@1.2.0#number: expected func(x: u32) -> u32, given func(string) -> f64",
                 "host@1.2.0#text: expected func(text: string) -> string, given "
                 "func(option<string>) -> option<string>",
                 "host@1.2.0#signal: missing, expected func()",
             }) {
            CHECK_MESSAGE(message.find(part) != std::string::npos, part << " in " << message);
        }
    }
    CHECK_THROWS_AS(caller.linker.check(caller.component), cmabi::error);
}

TEST_CASE("an exception reaches the caller of the guest as what it is") {
    Caller caller;
    caller.linker.func(Caller::host, "number", [](std::uint32_t x) -> std::uint32_t {
        if (x == 0) {
            throw custom_exception{42};
        }
        throw std::out_of_range("too large");
    });
    caller.offer_text();
    caller.offer_signal();

    const auto number = [&] {
        return caller.instantiate().func<std::uint32_t(std::uint32_t)>("number");
    };
    try {
        number()(0);
        FAIL("returned");
    } catch (const custom_exception &exception) {
        CHECK(exception.code == 42);
    }
    CHECK_THROWS_WITH_AS(number()(1), "too large", std::out_of_range);
}

TEST_CASE("an exception becomes a message where C is the caller") {
    Caller caller;
    caller.linker.func(Caller::host, "signal", [] { throw std::runtime_error("out of paper"); });
    caller.offer_number();
    caller.offer_text();
    const auto instance = caller.instantiate();

    const cmabi_func *signal = nullptr;
    REQUIRE_OK(cmabi_instance_func, instance.get(), CMABI_STR("signal"), &signal);
    CHECK_FAILS(CMABI_STATUS_HOST, "out of paper", cmabi_func_call, caller.store.get(), signal,
                nullptr, nullptr, nullptr);
}

TEST_CASE("an exception crosses two guests and the host between them") {
    Caller inner;
    inner.linker.func(Caller::host, "signal", [] { throw custom_exception{7}; });
    inner.offer_number();
    inner.offer_text();
    const auto instance = inner.instantiate();
    int unwound = 0;

    SUBCASE("in one store") {
        cmabi::linker linker(inner.engine);
        linker.func(Caller::host, "signal", [&] {
            struct Guard {
                int &unwound;
                ~Guard() { ++unwound; }
            } guard{unwound};
            instance.func<void()>("signal")();
        });
        linker.func(Caller::host, "number", doubled);
        linker.func(Caller::host, "text", [](std::string text) { return text; });
        const auto outer = linker.instantiate(inner.store, inner.component);
        CHECK_THROWS_AS(outer.func<void()>("signal")(), custom_exception);
    }
    SUBCASE("in two stores") {
        Caller caller;
        caller.linker.func(Caller::host, "signal", [&] {
            try {
                instance.func<void()>("signal")();
            } catch (const custom_exception &) {
                ++unwound;
                throw;
            }
        });
        caller.offer_number();
        caller.offer_text();
        const auto outer = caller.instantiate();
        CHECK_THROWS_AS(outer.func<void()>("signal")(), custom_exception);
    }
    CHECK(unwound == 1);
}

TEST_CASE("an exception that the host catches itself leaves no trace") {
    Caller inner;
    inner.linker.func(Caller::host, "signal", [] { throw custom_exception{7}; });
    inner.offer_number();
    inner.offer_text();
    const auto failing = inner.instantiate();

    cmabi::linker linker(inner.engine);
    linker.func(Caller::host, "number", [&](std::uint32_t x) {
        CHECK_THROWS_AS(failing.func<void()>("signal")(), custom_exception);
        return x;
    });
    linker.func(Caller::host, "text", [](std::string text) { return text; });
    linker.func(Caller::host, "signal", [] {});
    const auto outer = linker.instantiate(inner.store, inner.component);
    CHECK(outer.func<std::uint32_t(std::uint32_t)>("number")(5) == 6);
}

TEST_CASE("calls that host functions make keep the values of the calls around them") {
    Caller inner;
    inner.offer_number();
    inner.offer_text();
    inner.offer_signal();
    const auto instance = inner.instantiate();

    cmabi::linker linker(inner.engine);
    linker.func(Caller::host, "text", [&](std::string_view text) {
        const auto same = instance.func<std::string(std::string_view)>("text");
        for (int i = 0; i < 10; ++i) {
            CHECK(same(std::string(5000, 'z')).size() == 5000);
        }
        return same(text) + "!";
    });
    linker.func(Caller::host, "number", doubled);
    linker.func(Caller::host, "signal", [] {});
    const auto outer = linker.instantiate(inner.store, inner.component);
    CHECK(outer.func<std::string(std::string_view)>("text")("kept") == "kept!");
}

TEST_CASE("an instance serves another component of its store") {
    Caller caller;
    caller.offer_number();
    caller.offer_text();
    caller.offer_signal();
    const auto inner = caller.instantiate();

    cmabi::linker linker(caller.engine);
    linker.instance(Caller::host, inner);
    const auto outer = linker.instantiate(caller.store, caller.component);
    CHECK(outer.func<std::uint32_t(std::uint32_t)>("number")(5) == 7);
    CHECK(outer.func<std::string(std::string_view)>("text")("passed on") == "passed on");
    CHECK_THROWS_AS(linker.instance(Caller::host, inner), cmabi::error);

    cmabi::store other(caller.engine);
    CHECK_THROWS_AS(linker.instantiate(other, caller.component), cmabi::error);
}
