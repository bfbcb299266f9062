// Resources in C++: the host's objects in the hands of guests, and handles to those of guests.
#include "support.hpp"

#include <cmabi.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace {
struct blob;
class book;
struct counter;
struct tally;
} // namespace

template <>
struct cmabi::resource<blob> {
    static constexpr auto name = "blob";
};
template <>
struct cmabi::resource<book> {
    static constexpr auto name = "book";
};
template <>
struct cmabi::guest_resource<counter> {
    static constexpr auto name = "counter";
};
template <>
struct cmabi::guest_resource<tally> {
    static constexpr auto name = "tally";
};

namespace {

// Counts its objects, and how often one was destroyed.
struct Counted {
    Counted() { ++alive; }
    Counted(const Counted &) = delete;
    ~Counted() { --alive; }
    static inline int alive = 0;
};

// guests/counters.wat uses blobs, guests/tallies.wat uses books.
struct blob : Counted {
    explicit blob(std::uint32_t size) : size(size) {}
    std::uint32_t size;
    cmabi::own<blob> inner;
};

class book : Counted {
public:
    explicit book(std::uint32_t pages) : pages_(pages) {}
    std::uint32_t write(std::uint32_t number) {
        if (written_ == pages_) {
            throw std::length_error("the book is full");
        }
        ++written_;
        return sum_ += number;
    }
    static cmabi::own<book> bind(cmabi::own<book> a, const cmabi::own<book> &b) {
        a->pages_ += b->pages_;
        return a;
    }

private:
    std::uint32_t pages_, written_ = 0, sum_ = 0;
};

using cmabi::borrow;
using cmabi::own;
using std::uint32_t;

constexpr auto blobs = "test:guest/blobs@1.0.0";
constexpr auto books = "test:guest/books@1.0.0";
constexpr auto tallies = "test:guest/tallies@1.0.0";
constexpr auto make_counter = "test:guest/counters@1.0.0#make";
constexpr auto read_counter = "test:guest/counters@1.0.0#read";
constexpr auto consume_counter = "test:guest/counters@1.0.0#consume";

struct Counters {
    Counters() {
        linker.resource<blob>(blobs).constructor<uint32_t>().method(
            "size", [](const blob &self) { return self.size; });
        linker.func(blobs, "swallow", [](own<blob> given) { CHECK(given->size > 0); });
        instance = linker.instantiate(store, component);
    }
    template <class Signature>
    cmabi::func<Signature> func(const char *path) const {
        return instance->func<Signature>(path);
    }
    uint32_t dropped() const { return func<uint32_t()>("dropped")(); }

    cmabi::engine engine;
    cmabi::component component{engine, read_guest("counters.wasm")};
    cmabi::linker linker{engine};
    cmabi::store store{engine};
    std::optional<cmabi::instance> instance;
};

struct Tallies {
    Tallies() {
        linker.resource<book>(books)
            .constructor<uint32_t>()
            .method("write", &book::write)
            .static_func("bind", book::bind);
        instance = linker.instantiate(store, component);
    }
    uint32_t alive() const { return instance->func<uint32_t()>("alive")(); }

    cmabi::engine engine;
    cmabi::component component{engine, read_guest("tallies.wasm")};
    cmabi::linker linker{engine};
    cmabi::store store{engine};
    std::optional<cmabi::instance> instance;
};

own<blob> new_blob(uint32_t size) {
    return std::make_unique<blob>(size);
}

} // namespace

TEST_CASE("functions of a guest's resource type") {
    Tallies f;
    const auto type = f.instance->resource<tally>(tallies);
    const auto create = type.constructor<uint32_t>();
    const auto add = type.method<uint32_t(uint32_t)>("add");
    const auto merge = type.static_func<own<tally>(own<tally>, own<tally>)>("merge");

    own<tally> a = create(10), b = create(20);
    CHECK(add(a, 1) == 11);
    CHECK(add(a, 1) == 12);
    CHECK(add(b, 0) == 20);
    CHECK(f.alive() == 2);
    const own<tally> both = merge(std::move(a), std::move(b));
    CHECK(!a);
    CHECK(!b);
    CHECK(f.alive() == 1);
    CHECK(add(both, 0) == 32);
    CHECK(add(create(1), 1) == 2);
    CHECK(f.alive() == 1);

    CHECK_THROWS_AS(f.instance->resource<tally>("test:guest/other"), cmabi::error);
    CHECK_THROWS_AS(f.instance->resource<tally>(), cmabi::error);
    CHECK_THROWS_AS(f.instance->resource<counter>(tallies), cmabi::error);
}

TEST_CASE("handles are dropped with their owners") {
    Tallies f;
    const auto type = f.instance->resource<tally>(tallies);
    const auto create = type.constructor<uint32_t>();
    {
        own<tally> a = create(1);
        own<tally> b = create(2);
        b = std::move(a);
        CHECK(f.alive() == 1);
        own<tally> c = std::move(b);
        CHECK(f.alive() == 1);
        c.drop();
        CHECK(!c);
        CHECK(f.alive() == 0);
        c.drop();
        c = create(3);
    }
    CHECK(f.alive() == 0);

    using split = std::vector<own<tally>>(own<tally>);
    const auto parts = f.instance->func<split>("test:guest/tallies@1.0.0#split")(create(5));
    CHECK(parts.size() == 5);
    CHECK(f.alive() == 5);
    CHECK(type.method<uint32_t(uint32_t)>("add")(parts[4], 6) == 7);
}

TEST_CASE("a handle may outlive its store") {
    own<tally> kept;
    own<blob> object;
    {
        Tallies f;
        kept = f.instance->resource<tally>(tallies).constructor<uint32_t>()(1);
        CHECK(kept);
        Counters g;
        object = new_blob(1);
        g.func<uint32_t(borrow<blob>)>("size")(object);
        CHECK(object.get() != nullptr);
    }
    CHECK(!kept);
    CHECK(!object);
    CHECK(object.get() == nullptr);
    CHECK(Counted::alive == 0);
    Tallies g;
    CHECK_THROWS_WITH_AS(g.instance->resource<tally>(tallies).method<uint32_t(uint32_t)>("add")(kept, 1),
                         doctest::Contains("another store"), cmabi::error);
}

TEST_CASE("functions of the host's resource type") {
    Tallies f;
    const auto write = f.instance->func<uint32_t(uint32_t)>("write");
    CHECK(write(7) == 21);
    CHECK(Counted::alive == 0);
    CHECK(write(1) == 3);
    CHECK(Counted::alive == 0);
}

TEST_CASE("what a method throws reaches the caller of the guest") {
    Tallies f;
    cmabi::linker linker(f.engine);
    linker.resource<book>(books)
        .constructor([](uint32_t) -> own<book> { return std::make_unique<book>(1); })
        .method("write", &book::write)
        .static_func("bind", book::bind);
    const auto instance = linker.instantiate(f.store, f.component);
    CHECK_THROWS_WITH_AS(instance.func<uint32_t(uint32_t)>("write")(1), "the book is full",
                         std::length_error);
    // The trap has ended the guest, and what it owned.
    CHECK(Counted::alive == 0);
}

TEST_CASE("an object of the host's is lent, given away and got back") {
    {
        Counters f;
        own<blob> object = new_blob(7);
        blob *const address = object.get();
        const auto size = f.func<uint32_t(borrow<blob>)>("size");
        CHECK(size(object) == 7);
        object->size = 8;
        CHECK(size(object) == 8);
        CHECK(size(new_blob(9)) == 9);
        CHECK(Counted::alive == 1);

        const auto pass = f.func<own<blob>(own<blob>)>("pass");
        own<blob> passed = pass(std::move(object));
        CHECK(!object);
        CHECK(passed.get() == address);
        passed = pass(std::move(passed));
        CHECK(passed.get() == address);
        CHECK(pass(new_blob(3))->size == 3);
        CHECK(Counted::alive == 1);

        f.func<void(own<blob>)>("drop-blob")(std::move(passed));
        CHECK(Counted::alive == 0);
        f.func<void(own<blob>)>("swallow")(new_blob(4));
        CHECK(Counted::alive == 0);
        CHECK(f.func<own<blob>(uint32_t)>("make-blob")(11)->size == 11);
        CHECK(Counted::alive == 0);

        std::vector<own<blob>> several;
        several.push_back(new_blob(1));
        several.push_back(new_blob(20));
        CHECK(f.func<uint32_t(std::vector<own<blob>>)>("list-size")(std::move(several)) == 21);
        CHECK(Counted::alive == 0);

        f.func<void(own<blob>)>("keep")(new_blob(5));
        CHECK(Counted::alive == 1);
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("an object that never gets to a store is deleted like any other") {
    {
        const own<blob> object = new_blob(1);
        CHECK(object->size == 1);
        CHECK(Counted::alive == 1);
        own<blob> other = new_blob(2);
        other.drop();
        CHECK(!other);
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("objects may hold handles") {
    for (const bool to_the_end : {false, true}) {
        Counters f;
        own<blob> outer = new_blob(1);
        outer->inner = new_blob(2);
        const auto size = f.func<uint32_t(borrow<blob>)>("size");
        CHECK(size(outer->inner) == 2);
        f.func<void(own<blob>)>(to_the_end ? "keep" : "drop-blob")(std::move(outer));
        CHECK(Counted::alive == (to_the_end ? 2 : 0));
    }
    CHECK(Counted::alive == 0);
}

TEST_CASE("a trap destroys what the guest owned, and not what it was lent") {
    Counters f;
    const own<blob> mine = new_blob(1);
    f.func<void(own<blob>)>("keep")(new_blob(2));
    CHECK_THROWS_AS(f.func<void(own<blob>)>("keep-and-trap")(new_blob(3)), cmabi::error);
    CHECK(Counted::alive == 1);
    CHECK_THROWS_WITH_AS(f.func<uint32_t(borrow<blob>)>("size")(mine),
                         doctest::Contains("cannot enter"), cmabi::error);
    CHECK(mine->size == 1);
}

TEST_CASE("a guest's destructor that traps is only told to who asks") {
    Counters f;
    const auto create = f.func<own<counter>(uint32_t)>(make_counter);
    own<counter> bad = create(666);
    SUBCASE("asked") {
        try {
            bad.drop();
            FAIL("it traps");
        } catch (const cmabi::error &error) {
            CHECK(error.frames().back().name == "destructor of counter");
        }
        CHECK(!bad);
    }
    SUBCASE("not asked") {
        bad = {};
        CHECK_THROWS_AS(create(1), cmabi::error);
    }
}

TEST_CASE("a resource that goes inside a host function of its own guest is destroyed at once") {
    cmabi::engine engine;
    const cmabi::component component(engine, read_guest("counters.wasm"));
    cmabi::linker linker(engine);
    std::function<void()> inside;
    linker.resource<blob>(blobs)
        .constructor([&](uint32_t size) -> own<blob> {
            inside();
            return new_blob(size);
        })
        .method("size", [](const blob &self) { return self.size; });
    linker.func(blobs, "swallow", [](own<blob>) {});
    cmabi::store store(engine);
    const auto instance = linker.instantiate(store, component);
    const auto consume = instance.func<uint32_t(own<counter>)>(consume_counter);
    own<counter> held = instance.func<own<counter>(uint32_t)>(make_counter)(5);
    std::optional<cmabi::subtask<uint32_t>> started;

    SUBCASE("dropped by a word") { inside = [&] { held.drop(); }; }
    SUBCASE("out of scope") { inside = [&] { const own<counter> gone = std::move(held); }; }
    SUBCASE("assigned") { inside = [&] { held = {}; }; }
    SUBCASE("given to a call") { inside = [&] { CHECK(consume(std::move(held)) == 5); }; }
    SUBCASE("given to a call that is started") {
        // It is over at once, which is told when the call is.
        inside = [&] { started = consume.start(std::move(held)); };
    }
    CHECK(instance.func<own<blob>(uint32_t)>("make-blob")(7)->size == 7);
    CHECK((!started || started->get() == 5));
    CHECK(!held);
    CHECK(instance.func<uint32_t()>("dropped")() == 5);
}

TEST_CASE("a resource that goes while it is lent is destroyed after the call") {
    cmabi::engine engine;
    const cmabi::component component(engine, read_guest("counters.wasm"));
    cmabi::linker linker(engine);
    own<blob> mine = new_blob(9);
    linker.resource<blob>(blobs).constructor<uint32_t>().method("size", [&](const blob &self) {
        CHECK_THROWS_WITH_AS(mine.drop(), doctest::Contains("lent"), cmabi::error);
        mine = {};
        CHECK(Counted::alive == 1);
        return self.size;
    });
    linker.func(blobs, "swallow", [](own<blob>) {});
    cmabi::store store(engine);
    const auto instance = linker.instantiate(store, component);
    CHECK(instance.func<uint32_t(borrow<blob>)>("size")(mine) == 9);
    CHECK(Counted::alive == 0);
}

TEST_CASE("what could not be passed on stays") {
    Tallies f, g;
    const auto type = f.instance->resource<tally>(tallies);
    const auto create = type.constructor<uint32_t>();
    const auto merge = type.static_func<own<tally>(own<tally>, own<tally>)>("merge");
    own<tally> a = create(1), b = create(2);
    own<tally> foreign = g.instance->resource<tally>(tallies).constructor<uint32_t>()(3);
    CHECK_THROWS_WITH_AS(merge(std::move(a), std::move(foreign)), doctest::Contains("another store"),
                         cmabi::error);
    CHECK_THROWS_WITH_AS(merge(std::move(a), own<tally>()), doctest::Contains("empty"), cmabi::error);
    CHECK(foreign);
    const own<tally> both = merge(std::move(a), std::move(b));
    CHECK_THROWS_WITH_AS(type.method<uint32_t(uint32_t)>("add")(a, 1), doctest::Contains("empty"),
                         cmabi::error);
    CHECK_THROWS_AS(type.method<uint32_t(uint32_t)>("add")(borrow<tally>(), 1), cmabi::error);

    // Not offered to any component here, and so not to be lent.
    const own<blob> stranger = new_blob(1);
    Counters h;
    h.func<uint32_t(borrow<blob>)>("size")(stranger);
    Counters other;
    CHECK_THROWS_WITH_AS(other.func<uint32_t(borrow<blob>)>("size")(stranger),
                         doctest::Contains("another store"), cmabi::error);
}

TEST_CASE("handles are part of a signature") {
    Counters f;
    const auto mismatch = [](auto look_up) {
        try {
            look_up();
        } catch (const cmabi::error &error) {
            CHECK(error.status() == CMABI_STATUS_TYPE_MISMATCH);
            return std::string(error.what());
        }
        return std::string("no mismatch");
    };
    CHECK(mismatch([&] { f.func<uint32_t(own<blob>)>("size"); }) ==
          "function `size`: the component has `func(blob: borrow<blob>) -> u32`, C++ has "
          "`func(own<blob>) -> u32`");
    CHECK(mismatch([&] { f.func<own<counter>(own<blob>)>("pass"); }) != "no mismatch");
    CHECK(mismatch([&] { f.func<uint32_t(uint32_t)>("size"); }) != "no mismatch");
    CHECK(mismatch([&] { f.func<uint32_t(borrow<tally>)>(read_counter); }) != "no mismatch");
    CHECK(mismatch([&] { f.func<uint32_t(borrow<counter>)>(read_counter); }) == "no mismatch");

    // What is given away is moved.
    static_assert(!std::is_copy_constructible_v<own<counter>>);
    static_assert(std::is_nothrow_move_constructible_v<own<counter>>);
    using consume = cmabi::func<uint32_t(own<counter>)>;
    static_assert(!std::is_invocable_v<consume, own<counter> &>);
    static_assert(std::is_invocable_v<consume, own<counter>>);
    static_assert(std::is_invocable_v<cmabi::func<uint32_t(borrow<counter>)>, own<counter> &>);
}

TEST_CASE("a host function with handles of another type is refused when it is linked") {
    Counters f;
    cmabi::linker linker(f.engine);
    linker.resource<blob>(blobs).constructor([](uint32_t) { return own<book>(); }).method(
        "size", [](blob &, uint32_t) { return 1u; });
    linker.func(blobs, "swallow", [](own<blob>) {});
    CHECK_THROWS_WITH_AS(linker.check(f.component),
                         doctest::Contains("func(size: u32) -> own<blob>, given func(u32) -> own<book>"),
                         cmabi::error);
    CHECK_THROWS_WITH_AS(linker.check(f.component),
                         doctest::Contains("given func(borrow<blob>, u32) -> u32"), cmabi::error);
    CHECK_THROWS_WITH_AS(linker.resource<blob>(blobs), doctest::Contains("blob"), cmabi::error);
}

namespace {

// guests/visitor.wat shows the host counters of the other guest.
struct Visit : Counters {
    template <class Look, class Take>
    cmabi::instance visitor(Look look, Take take) {
        cmabi::linker all(engine);
        all.instance("", *instance);
        all.func("test:guest/host@1.0.0", "look", std::move(look));
        all.func("test:guest/host@1.0.0", "take", std::move(take));
        return all.instantiate(store, cmabi::component(engine, read_guest("visitor.wasm")));
    }
};

} // namespace

TEST_CASE("the host is lent a guest's resource, and lends it on") {
    Visit f;
    const auto value = f.func<uint32_t(borrow<counter>)>(read_counter);
    int looks = 0;
    const auto visitor = f.visitor(
        [&](borrow<counter> lent) {
            ++looks;
            CHECK(value(lent) == 11);
            return value(lent) + 1;
        },
        [](own<counter>) {});
    CHECK(visitor.func<uint32_t(uint32_t)>("visit")(11) == 12);
    CHECK(visitor.func<uint32_t(uint32_t)>("visit")(11) == 12);
    CHECK(looks == 2);
    CHECK(f.dropped() == 22);
}

TEST_CASE("a host function gives a borrow back when it throws, and may not keep it") {
    Visit f;
    std::optional<borrow<counter>> kept;
    const auto visitor = f.visitor(
        [&](borrow<counter> lent) -> uint32_t {
            if (!kept) {
                kept = std::move(lent);
                return 0;
            }
            throw std::runtime_error("looked twice");
        },
        [](own<counter>) {});
    CHECK_THROWS_WITH_AS(visitor.func<uint32_t(uint32_t)>("visit")(11),
                         doctest::Contains("borrow handles still remain"), cmabi::error);
    const auto again = f.visitor([](borrow<counter>) -> uint32_t { throw std::runtime_error("no"); },
                                 [](own<counter>) {});
    CHECK_THROWS_WITH_AS(again.func<uint32_t(uint32_t)>("visit")(1), "no", std::runtime_error);
}

TEST_CASE("the host is given a guest's resource") {
    Visit f;
    own<counter> taken;
    const auto visitor = f.visitor([](const borrow<counter> &) { return 0u; },
                                   [&](own<counter> given) { taken = std::move(given); });
    visitor.func<void(uint32_t)>("give")(12);
    CHECK(f.func<uint32_t(borrow<counter>)>(read_counter)(taken) == 12);
    CHECK(f.dropped() == 0);
    taken.drop();
    CHECK(f.dropped() == 12);
    visitor.func<void(uint32_t)>("give")(13);
    CHECK(f.func<uint32_t(own<counter>)>(consume_counter)(std::move(taken)) == 13);
    CHECK(f.dropped() == 25);
}

TEST_CASE("handles in a store that C functions run") {
    Visit f;
    const cmabi_func *visit = nullptr;
    int looks = 0;
    const auto visitor = f.visitor(
        [&](borrow<counter> lent) {
            ++looks;
            return f.func<uint32_t(borrow<counter>)>(read_counter)(lent);
        },
        [](own<counter>) {});
    REQUIRE_OK(cmabi_instance_func, visitor.get(), CMABI_STR("visit"), &visit);
    const uint32_t value = 5;
    uint32_t seen = 0;
    CHECK_OK(cmabi_func_call, f.store.get(), visit, &value, &seen, nullptr);
    CHECK(seen == 5);
    CHECK(looks == 1);
}
