// Elements of every type, from the host through a guest and back: in 4- and 8-byte pointers and every encoding.
#include "streams.hpp"

#include <array>

namespace {

constexpr cmabi_string_encoding encodings[] = {CMABI_STRING_ENCODING_UTF8, CMABI_STRING_ENCODING_UTF16,
                                               CMABI_STRING_ENCODING_LATIN1_UTF16};

// A guest that reads elements of one type into its memory and writes them to a stream of its own.
class Relay {
public:
    Relay(Native &native, const cmabi_type *element, cmabi_string_encoding encoding, bool memory64)
        : n_(native), element_(element), mem_(1 << 16), opts_(n_.options(mem_, memory64)), streams_(n_, element) {
        opts_.string_encoding = encoding;
        opts_.is_async = 1;
        sync_ = opts_;
        sync_.is_async = 0;
        const auto align = cmabi_type_align(element, memory64 ? CMABI_ADDR_TYPE_I64 : CMABI_ADDR_TYPE_I32);
        const Type stream_type = stream_of(element);
        const FuncType type = func({field("s", stream_type)}, stream_type, true);
        const auto core = n_.core({I32}, {}, [this, align, stream = cmabi_type_clone(stream_type)](const Values &args) {
            const Type stream_type(stream);
            const auto [readable, writable] = streams_.make();
            n_.task_return(stream_type, opts_, {readable});
            const auto at = mem_.alloc(align, 4096);
            for (;;) {
                const Packed copied(streams_.read(sync_, static_cast<std::uint32_t>(args[0]), at, 3));
                if (copied.rest > 0) {
                    CHECK_COPIED(streams_.write(sync_, writable, at, copied.rest), copied.rest, COMPLETED);
                }
                if (copied.state == DROPPED) {
                    break;
                }
            }
            streams_.drop_readable(static_cast<std::uint32_t>(args[0]));
            streams_.drop_writable(writable);
            return Values{};
        });
        relay_ = n_.lift(n_.instance("relay"), core, type, opts_);
        REQUIRE_OK(cmabi_arena_new, std::uint64_t{0}, arena_.out());
    }

    // Sends elements through the guest and gives those that come back.
    template <class T>
    std::vector<T> operator()(const std::vector<T> &elements) {
        REQUIRE(sizeof(T) == cmabi_type_size(element_, CMABI_ADDR_TYPE_HOST));
        Ends ends;
        REQUIRE_OK(cmabi_stream_new, n_.store, element_, &ends.readable, &ends.writable);
        cmabi_copied copied{};
        const auto count = static_cast<std::uint32_t>(elements.size());
        CHECK_OK(cmabi_stream_write, n_.store, ends.writable, elements.data(), count, nullptr, nullptr, nullptr, &copied);
        std::uint32_t readable = 0;
        call(n_, relay_, ends.readable, &readable);
        std::vector<T> back(elements.size());
        std::uint32_t set = 0;
        CHECK_OK(cmabi_waitable_set_new, n_.store, &set);
        CHECK_OK(cmabi_waitable_join, n_.store, readable, set);
        for (std::uint32_t got = 0; got < count;) {
            CHECK_OK(cmabi_stream_read, n_.store, readable, back.data() + got, count - got, arena_, nullptr, nullptr,
                     nullptr, &copied);
            if (copied.result == CMABI_COPY_RESULT_BLOCKED) {
                cmabi_event event{};
                REQUIRE_OK(cmabi_waitable_set_wait, n_.store, set, &event);
                copied.count = event.count;
            }
            got += copied.count;
        }
        CHECK_OK(cmabi_stream_poll, n_.store, ends.writable, &copied);
        CHECK(copied.count == count);
        CHECK_OK(cmabi_stream_drop, n_.store, ends.writable);
        n_.run();
        CHECK_OK(cmabi_waitable_join, n_.store, readable, std::uint32_t{0});
        CHECK_OK(cmabi_stream_drop, n_.store, readable);
        CHECK_OK(cmabi_waitable_set_drop, n_.store, set);
        return back;
    }

private:
    Native &n_;
    const cmabi_type *element_;
    Heap mem_;
    Options opts_, sync_;
    Stream streams_;
    Func relay_;
    Arena arena_;
};

// For each kind of guest.
template <class Test>
void through_guests(const cmabi_type *element, Test test) {
    for (const bool memory64 : {false, true}) {
        for (const auto encoding : encodings) {
            CAPTURE(memory64);
            CAPTURE(encoding);
            Native n;
            Relay relay(n, element, encoding, memory64);
            test(n, relay);
        }
    }
}

template <class T>
struct List {
    const T *ptr;
    std::size_t len;
};

} // namespace

TEST_CASE("numbers, characters, flags") {
    through_guests(u64(), [](Native &, Relay &relay) {
        const std::vector<std::uint64_t> numbers{1, 2, 3, UINT64_MAX, 5};
        CHECK(relay(numbers) == numbers);
    });
    const Type glyph = tuple({character(), u8()});
    struct Glyph {
        char32_t code;
        std::uint8_t weight;
    };
    through_guests(glyph, [](Native &, Relay &relay) {
        const auto back = relay(std::vector<Glyph>{{U'a', 1}, {U'\u00e9', 2}, {U'\U0001f30d', 3}});
        CHECK(back[0].code == U'a');
        CHECK(back[1].code == U'\u00e9');
        CHECK(back[2].code == U'\U0001f30d');
        CHECK(back[2].weight == 3);
    });
    const Type bits = flags(9);
    through_guests(bits, [](Native &, Relay &relay) {
        const std::vector<std::uint16_t> sets{0, 0x1ff, 0x101};
        CHECK(relay(sets) == sets);
    });
}

TEST_CASE("strings") {
    through_guests(string(), [](Native &, Relay &relay) {
        const std::string texts[] = {"plain", "", "caf\u00e9", "\u4e16\u754c \U0001f30d", std::string(1000, 'x')};
        std::vector<cmabi_string> strings;
        for (const auto &text : texts) {
            strings.push_back(view(text));
        }
        const auto back = relay(strings);
        for (std::size_t i = 0; i < back.size(); ++i) {
            CHECK(text(back[i]) == texts[i]);
        }
    });
}

TEST_CASE("records, lists, options and variants") {
    struct Record {
        std::uint8_t id;
        List<cmabi_string> names;
        struct {
            std::uint8_t is_some;
            cmabi_f64 val;
        } weight;
    };
    const Type names = list_of(string()), weight = option_of(f64());
    const Type type = record({field("id", u8()), field("names", names), field("weight", weight)});
    through_guests(type, [](Native &, Relay &relay) {
        const cmabi_string names[] = {CMABI_STR("Ada"), CMABI_STR("\u00c6gir")};
        const std::vector<Record> records{{1, {names, 2}, {1, 2.5}}, {2, {nullptr, 0}, {0, 0}}, {3, {names, 1}, {1, -1}},
                                          {4, {names + 1, 1}, {0, 0}}};
        const auto back = relay(records);
        for (std::size_t i = 0; i < back.size(); ++i) {
            CHECK(back[i].id == records[i].id);
            REQUIRE(back[i].names.len == records[i].names.len);
            for (std::size_t j = 0; j < back[i].names.len; ++j) {
                CHECK(text(back[i].names.ptr[j]) == text(records[i].names.ptr[j]));
            }
            CHECK(back[i].weight.is_some == records[i].weight.is_some);
            if (back[i].weight.is_some) {
                CHECK(back[i].weight.val == records[i].weight.val);
            }
        }
    });
    struct Result {
        std::uint8_t is_err;
        union {
            std::uint32_t ok;
            cmabi_string err;
        } val;
    };
    const Type result = result_of(u32(), string());
    through_guests(result, [](Native &, Relay &relay) {
        std::vector<Result> results(2);
        results[0].val.ok = 7;
        results[1].is_err = 1;
        results[1].val.err = CMABI_STR("no");
        const auto back = relay(results);
        CHECK(back[0].is_err == 0);
        CHECK(back[0].val.ok == 7);
        CHECK(back[1].is_err == 1);
        CHECK(text(back[1].val.err) == "no");
    });
}

TEST_CASE("streams of streams, and of futures") {
    const Type stream_type = stream_of(u8()), future_type = future_of(string());
    through_guests(stream_type, [](Native &n, Relay &relay) {
        std::vector<std::uint32_t> streams;
        std::vector<std::uint32_t> writables;
        for (int i = 0; i < 4; ++i) {
            Ends ends;
            CHECK_OK(cmabi_stream_new, n.store, u8(), &ends.readable, &ends.writable);
            streams.push_back(ends.readable);
            writables.push_back(ends.writable);
        }
        const auto back = relay(streams);
        for (std::uint8_t i = 0; i < 4; ++i) {
            cmabi_copied copied{};
            std::uint8_t got = 0;
            CHECK_OK(cmabi_stream_write, n.store, writables[i], &i, 1U, nullptr, nullptr, nullptr, &copied);
            CHECK_OK(cmabi_stream_read, n.store, back[i], &got, 1U, nullptr, nullptr, nullptr, nullptr, &copied);
            CHECK(got == i);
            CHECK_OK(cmabi_stream_drop, n.store, back[i]);
            CHECK_OK(cmabi_stream_poll, n.store, writables[i], &copied);
            CHECK_OK(cmabi_stream_drop, n.store, writables[i]);
        }
    });
    through_guests(future_type, [](Native &n, Relay &relay) {
        Ends ends;
        CHECK_OK(cmabi_future_new, n.store, string(), &ends.readable, &ends.writable);
        const auto back = relay(std::vector<std::uint32_t>{ends.readable});
        Arena arena;
        REQUIRE_OK(cmabi_arena_new, std::uint64_t{0}, arena.out());
        cmabi_string got{};
        const cmabi_string value = CMABI_STR("late");
        cmabi_copied copied{};
        CHECK_OK(cmabi_future_read, n.store, back[0], &got, arena, nullptr, nullptr, nullptr, &copied);
        CHECK(copied.result == CMABI_COPY_RESULT_BLOCKED);
        CHECK_OK(cmabi_future_write, n.store, ends.writable, &value, nullptr, nullptr, nullptr, &copied);
        CHECK(copied.result == CMABI_COPY_RESULT_COMPLETED);
        CHECK(copied.count == 1);
        CHECK_OK(cmabi_future_poll, n.store, back[0], &copied);
        CHECK(text(got) == "late");
        CHECK_OK(cmabi_future_drop, n.store, back[0]);
        CHECK_OK(cmabi_future_drop, n.store, ends.writable);
    });
}

TEST_CASE("error contexts are shared") {
    const Type context_type = primitive(CMABI_KIND_ERROR_CONTEXT);
    through_guests(context_type, [](Native &n, Relay &relay) {
        std::uint32_t context = 0;
        CHECK_OK(cmabi_error_context_new, n.store, CMABI_STR("went wrong"), &context);
        const auto back = relay(std::vector<std::uint32_t>{context, context});
        for (const auto handle : {context, back[0], back[1]}) {
            cmabi_string message{};
            CHECK_OK(cmabi_error_context_debug_message, n.store, handle, &message);
            CHECK(text(message) == "went wrong");
            CHECK_OK(cmabi_error_context_drop, n.store, handle);
        }
    });
}

TEST_CASE("owned resources move") {
    for (const bool memory64 : {false, true}) {
        Native n;
        const auto owner = n.instance("owner");
        int destroyed = 0;
        const ResourceType resource = n.resource(owner, n.core({I32}, {}, [&](const Values &) {
            ++destroyed;
            return Values{};
        }));
        Type own;
        REQUIRE_OK(cmabi_type_new_own, resource, own.out());
        const FuncType type = func({field("rep", u32())}, own);
        const auto make = n.lift(owner, n.core({I32}, {I32}, [&](const Values &args) {
            return Values{n.get(cmabi_canon_resource_new, resource.get(), static_cast<std::uint32_t>(args[0]))};
        }), type, Native::options(), "make");
        std::vector<std::uint32_t> handles(2);
        for (std::uint32_t i = 0; i < 2; ++i) {
            call(n, make, i, &handles[i]);
        }
        Relay relay(n, own, CMABI_STRING_ENCODING_UTF8, memory64);
        const auto back = relay(handles);
        CHECK(destroyed == 0);
        for (const auto handle : back) {
            CHECK_OK(cmabi_resource_drop, n.store, resource, handle);
        }
        CHECK(destroyed == 2);
    }
}
