// Components that are stored with their compiled code.
#include "support.hpp"

#include <cmabi.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace {

using bytes = std::vector<std::uint8_t>;

cmabi::list<std::uint8_t> list(const bytes &of) {
    return {of.data(), of.size()};
}

// What the guest of `adder.wasm` says of 20 and 22.
std::uint32_t add(const cmabi::engine &engine, const cmabi::component &component) {
    const cmabi::linker linker(engine);
    cmabi::store store(engine);
    const auto instance = linker.instantiate(store, component);
    return instance.func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(20, 22);
}

// Why the bytes are not loaded.
std::string refused(const cmabi::engine &engine, const bytes &of, cmabi_status expected) {
    Error error;
    cmabi_component *component = nullptr;
    const auto status = cmabi_component_load_precompiled(engine.get(), of.data(), of.size(), &component, error.out());
    CHECK(component == nullptr);
    CHECK_MESSAGE(status == expected, support::outcome(status, error));
    return error.message();
}

// A file that is gone when this is.
class File {
public:
    explicit File(const bytes &content)
        : path_(std::filesystem::temp_directory_path() /
                ("cmabi-" + std::to_string(std::rand()) + "-" + std::to_string(getpid()) + ".cmabi")) {
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char *>(content.data()), std::streamsize(content.size()));
    }
    ~File() { std::filesystem::remove(path_); }
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("what was serialized is loaded, and runs") {
    const cmabi::engine engine;
    const cmabi::component component(engine, read_guest("adder.wasm"));
    const bytes stored = component.serialize();
    CHECK(stored == component.serialize());
    // Also by an engine of its own.
    const cmabi::engine other;
    for (const cmabi::engine *loader : {&engine, &other}) {
        bytes passing = stored;
        const auto loaded = cmabi::component::load_precompiled(*loader, list(passing));
        // They are not needed any more.
        std::fill(passing.begin(), passing.end(), std::uint8_t{0xcc});
        CHECK(loaded.exports().size() == 1);
        CHECK(add(*loader, loaded) == 42);
        CHECK(loaded.serialize() == stored);
    }
    const File file(stored);
    const auto loaded = cmabi::component::load_precompiled_file(engine, file.path());
    CHECK(add(engine, loaded) == 42);
}

TEST_CASE("components of several modules are stored whole") {
    const cmabi::engine engine;
    for (const char *guest : {"adder.wasm", "echo.wasm", "parts.wasm", "pipes.wasm", "visitor.wasm", "nest.wasm"}) {
        CAPTURE(guest);
        const cmabi::component component(engine, read_guest(guest));
        const auto loaded = cmabi::component::load_precompiled(engine, list(component.serialize()));
        CHECK(loaded.imports().size() == component.imports().size());
        CHECK(loaded.exports().size() == component.exports().size());
    }
}

TEST_CASE("several threads load with one engine at the same time") {
    const cmabi::engine engine;
    const bytes wasm = read_guest("adder.wasm");
    const bytes stored = cmabi::component(engine, wasm).serialize();
    std::array<std::uint32_t, 4> sums{};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < sums.size(); ++i)
        threads.emplace_back([&, i] {
            const auto component = i % 2 ? cmabi::component::load_precompiled(engine, list(stored))
                                         : cmabi::component(engine, wasm);
            sums[i] = add(engine, component);
        });
    for (auto &thread : threads)
        thread.join();
    CHECK(sums == std::array<std::uint32_t, 4>{42, 42, 42, 42});
}

TEST_CASE("a precompiled component that was cut off anywhere is refused") {
    const cmabi::engine engine;
    const bytes stored = cmabi::component(engine, read_guest("adder.wasm")).serialize();
    for (std::size_t len = 0; len < stored.size(); len++) {
        CAPTURE(len);
        const auto message = refused(engine, bytes(stored.begin(), stored.begin() + std::ptrdiff_t(len)),
                                     CMABI_STATUS_INVALID);
        CHECK(message.find(len < 8 ? "not a precompiled component" : "is cut off") != std::string::npos);
    }
    bytes longer = stored;
    longer.push_back(0);
    CHECK(refused(engine, longer, CMABI_STATUS_INVALID).find("damaged") != std::string::npos);
}

TEST_CASE("a precompiled component with a damaged byte anywhere is refused") {
    const cmabi::engine engine;
    bytes stored = cmabi::component(engine, read_guest("adder.wasm")).serialize();
    for (std::size_t at = 0; at < stored.size(); at++) {
        CAPTURE(at);
        const auto bit = std::uint8_t(1 << at % 8);
        stored[at] = std::uint8_t(stored[at] ^ bit);
        const bool is_format = at >= 8 && at < 12;
        const auto message = refused(engine, stored, is_format ? CMABI_STATUS_UNSUPPORTED : CMABI_STATUS_INVALID);
        const char *const expected = at < 8 ? "not a precompiled component"
                                     : is_format ? "has format"
                                     : at < 20   ? ""
                                                 : "is damaged";
        CHECK(message.find(expected) != std::string::npos);
        stored[at] = std::uint8_t(stored[at] ^ bit);
    }
    CHECK(add(engine, cmabi::component::load_precompiled(engine, list(stored))) == 42);
}

TEST_CASE("what is no precompiled component is refused") {
    const cmabi::engine engine;
    CHECK(refused(engine, {}, CMABI_STATUS_INVALID).find("not a precompiled") != std::string::npos);
    CHECK(refused(engine, read_guest("adder.wasm"), CMABI_STATUS_INVALID).find("not a precompiled") !=
          std::string::npos);
    cmabi_component *component = nullptr;
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "no/such.cmabi", cmabi_component_load_precompiled_file, engine.get(),
                CMABI_STR("no/such.cmabi"), &component);
    CHECK_FAILS(CMABI_STATUS_INVALID, GUEST_DIR, cmabi_component_load_precompiled_file, engine.get(),
                CMABI_STR(GUEST_DIR), &component);
    const File empty(bytes{});
    CHECK_FAILS(CMABI_STATUS_INVALID, "not a precompiled", cmabi_component_load_precompiled_file, engine.get(),
                view(empty.path()), &component);
    // And the other way round.
    const bytes stored = cmabi::component(engine, read_guest("adder.wasm")).serialize();
    CHECK_FAILS(CMABI_STATUS_INVALID, "precompiled", cmabi_component_load, engine.get(), stored.data(), stored.size(),
                &component);
}

TEST_CASE("limits of loading hold for precompiled components") {
    cmabi::config config;
    config.max_load_bytes(1);
    const cmabi::engine plain;
    const cmabi::engine narrow(config);
    const bytes stored = cmabi::component(plain, read_guest("echo.wasm")).serialize();
    CHECK(refused(narrow, stored, CMABI_STATUS_LIMIT).find("max_load_bytes") != std::string::npos);
}

TEST_CASE("a component that does not fit into the arena is a limit") {
    const cmabi::engine engine;
    const cmabi::component component(engine, read_guest("adder.wasm"));
    const cmabi::arena arena(64);
    const std::uint8_t *stored = nullptr;
    std::size_t size = 0;
    CHECK_FAILS(CMABI_STATUS_LIMIT, "arena", cmabi_component_serialize, component.get(), arena.get(), &stored, &size);
    CHECK(stored == nullptr);
}

namespace {

// An engine of the host's, whose modules are their size, and whose code is that as text.
struct Counting {
    cmabi_engine_interface table = CMABI_ENGINE_INTERFACE_INIT;
    int made = 0, taken = 0, freed = 0;
    bool fails = false;

    Counting() {
        table.data = this;
        table.module_new = [](void *data, const std::uint8_t *, std::size_t size, void **module, cmabi_string *) {
            static_cast<Counting *>(data)->made++;
            *module = new std::size_t(size);
            return true;
        };
        table.module_free = [](void *data, void *module) {
            static_cast<Counting *>(data)->freed++;
            delete static_cast<std::size_t *>(module);
        };
        table.store_new = [](void *, const cmabi_engine_limits *, void **, cmabi_string *) { return false; };
        table.store_free = [](void *, void *) {};
        table.instantiate = [](void *, void *, const cmabi_core_extern *, std::size_t, void **, cmabi_string *) {
            return static_cast<cmabi_outcome>(CMABI_OUTCOME_TRAPPED);
        };
        table.instance_export = [](void *, void *, std::size_t) { return cmabi_core_extern{}; };
        table.func_new = [](void *, const cmabi_core_func_type *, bool, cmabi_import *) -> void * { return nullptr; };
        table.tier = CMABI_ENGINE_TIER_NESTED;
        table.call = [](void *, void *, const std::uint64_t *, std::uint64_t *, void **, cmabi_string *) {
            return static_cast<cmabi_outcome>(CMABI_OUTCOME_TRAPPED);
        };
        table.memory_data = [](void *, void *, std::size_t *) -> std::uint8_t * { return nullptr; };
        table.table_get = [](void *, void *, std::uint64_t, void **, cmabi_core_func_type *) { return false; };
        table.global_get = [](void *, void *) -> std::uint64_t { return 0; };
    }
    void gives_code(std::string_view version) {
        table.code_version = view(version);
        table.module_serialize = [](void *data, void *module, cmabi_write write, void *to, cmabi_string *message) {
            if (static_cast<Counting *>(data)->fails) {
                *message = CMABI_STR("no paper");
                return false;
            }
            // In parts.
            for (const char digit : std::to_string(*static_cast<std::size_t *>(module))) {
                write(to, reinterpret_cast<const std::uint8_t *>(&digit), 1);
            }
            return true;
        };
        table.module_deserialize = [](void *data, const std::uint8_t *, std::size_t size, const std::uint8_t *code,
                                      std::size_t code_size, void **module, cmabi_string *message) {
            auto &engine = *static_cast<Counting *>(data);
            engine.taken++;
            if (engine.fails) {
                *message = CMABI_STR("no reader");
                return false;
            }
            CHECK(std::string(code, code + code_size) == std::to_string(size));
            *module = new std::size_t(size);
            return true;
        };
    }
    cmabi::engine engine() const {
        cmabi_engine *made = nullptr;
        REQUIRE_OK(cmabi_engine_new_custom, &table, nullptr, &made);
        return cmabi::engine(made);
    }
};

} // namespace

TEST_CASE("an engine of the host's gives and takes code") {
    Counting giving;
    giving.gives_code("counting 1");
    const auto wasm = read_guest("nest.wasm");
    {
        const auto engine = giving.engine();
        const cmabi::component component(engine, list(wasm));
        const int modules = giving.made;
        CHECK(modules > 0);
        const bytes stored = component.serialize();
        const auto loaded = cmabi::component::load_precompiled(engine, list(stored));
        CHECK(giving.made == modules);
        CHECK(giving.taken == modules);

        Counting other;
        other.gives_code("counting 2");
        CHECK(refused(other.engine(), stored, CMABI_STATUS_UNSUPPORTED)
                  .find("is for the engine `counting 1`, and this is the engine `counting 2`") != std::string::npos);
        CHECK(other.taken == 0);

        giving.fails = true;
        CHECK(refused(engine, stored, CMABI_STATUS_UNSUPPORTED).find("no reader") != std::string::npos);
        CHECK_THROWS_WITH_AS(component.serialize(), doctest::Contains("no paper"), cmabi::error);
    }
    CHECK(giving.freed == giving.made + giving.taken - 1);
}

TEST_CASE("an engine of the host's that gives no code has its modules compiled again") {
    Counting plain;
    const auto engine = plain.engine();
    const auto wasm = read_guest("nest.wasm");
    const bytes stored = cmabi::component(engine, list(wasm)).serialize();
    const int modules = plain.made;
    const auto loaded = cmabi::component::load_precompiled(engine, list(stored));
    CHECK(plain.made == 2 * modules);
}

TEST_CASE("an engine of the host's gives code in full or not at all") {
    Counting engine;
    cmabi_engine *made = nullptr;
    const auto check = [&] {
        CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "module_serialize", cmabi_engine_new_custom, &engine.table, nullptr, &made);
    };
    engine.table.code_version = CMABI_STR("version");
    SUBCASE("no version") { engine.gives_code(""); }
    SUBCASE("no code is given") {
        engine.gives_code("version");
        engine.table.module_serialize = nullptr;
    }
    SUBCASE("no code is taken") {
        engine.gives_code("version");
        engine.table.module_deserialize = nullptr;
    }
    check();
    CHECK(made == nullptr);
}
