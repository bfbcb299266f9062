// WASI for hosts in C and C++: what is granted, and how guests wait. The programs are built by
// tests/wasi/build.sh.

#include "process.hpp"
#include "support.hpp"

#include <cmabi.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using config = Handle<cmabi_wasi_config, cmabi_wasi_config_free>;

/// A store with the tests' programs.
struct Program {
    // Loaded once: it is large.
    static const cmabi::engine &engine() {
        static const cmabi::engine engine;
        return engine;
    }
    static const cmabi::component &component() {
        static const cmabi::component component(engine(), WASI_DIR "/programs.wasm");
        return component;
    }
    cmabi::linker linker{engine()};
    std::optional<cmabi::store> store;

    explicit Program(const cmabi::wasi &granted) {
        linker.wasi(granted);
        store.emplace(engine());
    }

    /// Whether it has ended well.
    bool run() {
        const auto instance = linker.instantiate(*store, component());
        return instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run")().has_value();
    }
};

/// One that writes to `out`.
cmabi::wasi granted(std::string &out, std::initializer_list<std::string_view> args) {
    cmabi::wasi granted;
    granted.arg("programs");
    for (const auto arg : args) granted.arg(arg);
    granted.output_to(cmabi::wasi::stdout_stream, [&out](std::string_view bytes) { out += bytes; });
    return granted;
}

struct Napper {
    cmabi::engine engine;
    cmabi::component component{engine, GUEST_DIR "/napper.wasm"};
    cmabi::linker linker{engine};

    explicit Napper(const cmabi::wasi &granted = {}) { linker.wasi(granted); }
};

} // namespace

TEST_CASE("a program gets what it is granted") {
    std::string out;
    SUBCASE("arguments") {
        CHECK(Program(granted(out, {"args", "one", "two"})).run());
        CHECK(out == "one\ntwo\n");
    }
    SUBCASE("the environment") {
        CHECK(Program(granted(out, {"env"}).env("A", "1").env("B", "2").env("A", "3")).run());
        CHECK(out == "A=3\nB=2\n");
    }
    SUBCASE("standard input") {
        CHECK(Program(granted(out, {"cat"}).stdin_bytes("over there")).run());
        CHECK(out == "over there");
    }
    SUBCASE("a folder") {
        const auto dir = std::filesystem::temp_directory_path() / "cmabi-test-wasi";
        std::filesystem::create_directories(dir);
        std::ofstream(dir / "file") << "in a file";
        CHECK(Program(granted(out, {"cat", "/d/file"}).dir(dir.string(), "/d", cmabi::wasi::read_only)).run());
        CHECK(out == "in a file");
        std::filesystem::remove_all(dir);
    }
}

TEST_CASE("nothing is granted by default") {
    std::string out;
    CHECK(Program(granted(out, {"env"})).run());
    CHECK(out.empty());
    CHECK(Program(granted(out, {"cat"})).run());
    CHECK(out.empty());
    CHECK(Program(granted(out, {"lookup", "localhost"})).run());
    CHECK(out.find("access-denied") != std::string::npos);
    out.clear();
    CHECK_THROWS_AS(Program(granted(out, {"cat", "/etc/passwd"})).run(), cmabi::error);
    CHECK(out.empty());
    // A closed output is an error for the program, and no more.
    Program silent(cmabi::wasi().arg("programs").arg("args").arg("x"));
    CHECK_THROWS_AS(silent.run(), cmabi::error);
}

TEST_CASE("a program that exits has a status of its own") {
    std::string out;
    for (const int code : {0, 1}) {
        Program program(granted(out, {"exit", std::to_string(code)}));
        try {
            program.run();
            FAIL("it exits");
        } catch (const cmabi::error &error) {
            CHECK(error.status() == CMABI_STATUS_EXIT);
            CHECK(error.exit_code() == code);
            CHECK(std::string(error.what()).find("exited with status " + std::to_string(code)) !=
                  std::string::npos);
        }
    }
    CHECK(cmabi_error_exit_code(nullptr) == -1);
}

TEST_CASE("what is wrong with a grant is said when it is made") {
    config config;
    REQUIRE_OK(cmabi_wasi_config_new, config.out());
    const auto invalid = CMABI_STATUS_INVALID_ARGUMENT;
    CHECK_FAILS(invalid, "argument `name`: \"A=B\" cannot name", cmabi_wasi_config_set_env, config,
                CMABI_STR("A=B"), CMABI_STR("x"));
    CHECK_FAILS(invalid, "argument `name`", cmabi_wasi_config_set_env, config, CMABI_STR(""),
                CMABI_STR("x"));
    CHECK_FAILS(invalid, "argument `arg`: an argument has a NUL", cmabi_wasi_config_add_arg, config,
                CMABI_STR("a\0b"));
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "argument `host_path`: folder /nowhere", cmabi_wasi_config_add_dir,
                config, CMABI_STR("/nowhere"), CMABI_STR("/"), CMABI_WASI_RIGHTS_READ_ONLY);
    CHECK_FAILS(invalid, "argument `host_path`: folder /etc/passwd: Not a directory",
                cmabi_wasi_config_add_dir, config, CMABI_STR("/etc/passwd"), CMABI_STR("/"),
                CMABI_WASI_RIGHTS_READ_ONLY);
    REQUIRE_OK(cmabi_wasi_config_add_dir, config, CMABI_STR("/tmp"), CMABI_STR("/t"),
               CMABI_WASI_RIGHTS_READ_ONLY);
    CHECK_FAILS(invalid, "argument `guest_path`: two folders", cmabi_wasi_config_add_dir, config,
                CMABI_STR("/tmp"), CMABI_STR("/./t/"), CMABI_WASI_RIGHTS_READ_ONLY);
    CHECK_FAILS(invalid, "argument `guest_path`", cmabi_wasi_config_add_dir, config, CMABI_STR("/tmp"),
                CMABI_STR(""), CMABI_WASI_RIGHTS_READ_ONLY);
    CHECK_FAILS(invalid, "argument `rights` has the unknown value 9", cmabi_wasi_config_add_dir, config,
                CMABI_STR("/tmp"), CMABI_STR("/u"), static_cast<cmabi_wasi_rights>(9));
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, "argument `path`: /nowhere", cmabi_wasi_config_set_stdio_file,
                config, CMABI_WASI_STDIO_STDIN, CMABI_STR("/nowhere"));
    CHECK_FAILS(invalid, "argument `bytes` is less than 4096", cmabi_wasi_config_set_max_buffer_bytes,
                config, 10u);
    static int dropped;
    const cmabi_drop drop = [](void *) { ++dropped; };
    CHECK_FAILS(invalid, "argument `read` is NULL", cmabi_wasi_config_set_stdin, config,
                static_cast<cmabi_wasi_read>(nullptr), static_cast<void *>(nullptr), drop);
    CHECK(dropped == 1);
    Handle<cmabi_engine, cmabi_engine_free> engine;
    Handle<cmabi_linker, cmabi_linker_free> linker;
    REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
    REQUIRE_OK(cmabi_linker_new, engine, linker.out());
    REQUIRE_OK(cmabi_linker_wasi, linker, nullptr);
    CHECK_FAILS(invalid, "is defined already", cmabi_linker_wasi, linker, nullptr);
}

TEST_CASE("two stores of one linker share nothing") {
    std::string out;
    Program program(granted(out, {"cat"}).stdin_bytes("the same"));
    CHECK(program.run());
    program.store.emplace(Program::engine());
    CHECK(program.run());
    CHECK(out == "the samethe same");
}

TEST_CASE("what a callback throws is an error of the stream, and reaches the host") {
    const auto writes = cmabi::wasi().arg("programs").arg("args").arg("x").output_to(
        cmabi::wasi::stdout_stream, [](std::string_view) { throw std::domain_error("no more"); });
    CHECK_THROWS_WITH_AS(Program(writes).run(), "no more", std::domain_error);
    std::string out;
    auto reads = granted(out, {"cat"});
    reads.stdin_from([](std::uint8_t *, std::size_t) -> std::optional<std::size_t> {
        throw std::domain_error("cannot read");
    });
    CHECK_THROWS_WITH_AS(Program(reads).run(), "cannot read", std::domain_error);
}

TEST_CASE("a callback that has nothing yet is asked again when the store runs") {
    std::string out;
    std::optional<std::string> next;
    auto config = granted(out, {"cat"});
    config.stdin_from([&next](std::uint8_t *buffer, std::size_t capacity) -> std::optional<std::size_t> {
        if (!next) return std::nullopt;
        REQUIRE(next->size() <= capacity);
        std::copy(next->begin(), next->end(), buffer);
        const auto len = next->size();
        next.reset();
        return len;
    });
    Program program(config);
    const auto instance = program.linker.instantiate(*program.store, Program::component());
    const auto run = instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run");
    // Only the host can make it go on.
    auto call = run.start();
    program.store->run();
    CHECK(!call.done());
    for (const char *text : {"one\n", "two\n", "three\n"}) {
        next = text;
        program.store->run();
        CHECK(!call.done());
    }
    CHECK(out == "one\ntwo\nthree\n");
    next = "";
    program.store->run();
    REQUIRE(call.done());
    CHECK(call.get().has_value());
}

TEST_CASE("a callback that takes a little at a time gets everything") {
    std::string out;
    auto config = cmabi::wasi().arg("programs").arg("zeroes").arg("20000").output_to(
        cmabi::wasi::stdout_stream, [&out](std::string_view bytes) -> std::optional<std::size_t> {
            const auto taken = bytes.substr(0, 777);
            out += taken;
            return taken.size();
        });
    CHECK(Program(std::move(config)).run());
    CHECK(out == std::string(20000, '\0'));
}

TEST_CASE("a host that takes nothing keeps the guest waiting, and little of what it writes") {
    Program program(cmabi::wasi().arg("programs").arg("zeroes").arg("1000000000").output_to(
        cmabi::wasi::stdout_stream, [](std::string_view) -> std::optional<std::size_t> { return std::nullopt; }));
    const auto instance = program.linker.instantiate(*program.store, Program::component());
    auto call = instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run").start();
    const auto host_bytes = [&program] {
        cmabi_counts counts = CMABI_COUNTS_INIT;
        REQUIRE_OK(cmabi_store_counts, program.store->get(), &counts);
        return counts.host_bytes;
    };
    const auto bytes = host_bytes();
    for (int i = 0; i < 100; ++i) program.store->run();
    CHECK(!call.done());
    CHECK(host_bytes() == bytes);
    CHECK(bytes < 1'000'000);
}

TEST_CASE("runs with fixed clocks and a seed repeat, and take no time") {
    std::vector<std::uint64_t> seen[2];
    for (auto &run : seen) {
        Napper napper(cmabi::wasi().fixed_clocks(1s).random_seed(7));
        cmabi::store store(napper.engine);
        const auto instance = napper.linker.instantiate(store, napper.component);
        const auto random = instance.func<std::uint64_t()>("random");
        run = {random(), random(), instance.func<std::uint64_t(std::uint64_t)>("nap")(1'000'000'000'000),
               instance.func<std::uint64_t()>("now")()};
    }
    CHECK(seen[0] == seen[1]);
    CHECK(seen[0][0] != seen[0][1]);
    CHECK(seen[0][2] == 1'000'000'000'000);
}

TEST_CASE("a call sleeps until its guest can go on") {
    Napper napper;
    cmabi::store store(napper.engine);
    const auto instance = napper.linker.instantiate(store, napper.component);
    const auto nap = instance.func<std::uint64_t(std::uint64_t)>("nap");
    for (int i = 0; i < 3; ++i) CHECK(nap(5'000'000) >= 5'000'000);
}

TEST_CASE("an event loop sleeps while guests do, and is woken for each") {
    const std::size_t count = std::getenv("CMABI_TEST_VALGRIND") ? 50 : 1000;
    const auto begun_threads = threads_before();
    const auto files = descriptors();
    {
        Napper napper;
        cmabi::store store(napper.engine);
        const auto waker = store.waker();
        std::vector<cmabi::subtask<std::uint64_t>> calls;
        for (std::size_t i = 0; i < count; ++i) {
            const auto instance = napper.linker.instantiate(store, napper.component);
            const auto nap = instance.func<std::uint64_t(std::uint64_t)>("nap");
            calls.push_back(nap.start(100'000'000 + i % 7 * 10'000'000));
        }
        // No thread for each of them: one that waits for all.
        CHECK(threads() == begun_threads + 1);
        std::size_t rounds = 0, done = 0;
        while (done < count) {
            pollfd fd{waker.fd(), POLLIN, 0};
            REQUIRE(poll(&fd, 1, 10'000) == 1);
            waker.clear();
            store.run();
            ++rounds;
            done = 0;
            for (const auto &call : calls) done += call.done();
        }
        CHECK(rounds <= count + 1);
        for (auto &call : calls) CHECK(call.get() >= 100'000'000);
    }
    CHECK(threads() == begun_threads);
    CHECK(descriptors() == files);
}

TEST_CASE("a store can be freed while guests wait") {
    const auto begun_threads = threads_before();
    const auto files = descriptors();
    {
        Napper napper;
        cmabi::store store(napper.engine);
        for (int i = 0; i < 10; ++i) {
            const auto instance = napper.linker.instantiate(store, napper.component);
            auto call = instance.func<std::uint64_t(std::uint64_t)>("nap").start(1ull << 60);
            CHECK(!call.done());
        }
    }
    CHECK(threads() == begun_threads);
    CHECK(descriptors() == files);
}

TEST_CASE("nothing is left of guests that wait for descriptors and threads when their store is freed") {
    const auto begun = descriptors();
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    const int standard_input = dup(0);
    REQUIRE(dup2(pipe_ends[0], 0) == 0);
    const auto begun_threads = threads_before();
    const auto files = descriptors();
    std::string out;
    const auto starts = [&out](std::initializer_list<std::string_view> args) {
        Program program(granted(out, args).inherit_stdio(cmabi::wasi::stdin_stream).inherit_network());
        const auto instance = program.linker.instantiate(*program.store, Program::component());
        auto call = instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run").start();
        CHECK(!call.done());
    };
    SUBCASE("a pipe") { starts({"cat"}); }
    SUBCASE("a pipe and timers") { starts({"poll", "60000", "70000"}); }
    SUBCASE("a client") { starts({"serve", "127.0.0.1:0"}); }
    SUBCASE("a name") {
        std::string text;
        Program program(granted(text, {"lookup", "localhost"}).inherit_network());
        const auto instance = program.linker.instantiate(*program.store, Program::component());
        (void)instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run").start();
    }
    // What a thread does for nobody any more ends by itself.
    for (int i = 0; i < 500 && threads() != begun_threads; ++i) std::this_thread::sleep_for(20ms);
    CHECK(threads() == begun_threads);
    CHECK(descriptors() == files);
    dup2(standard_input, 0);
    for (const int fd : {standard_input, pipe_ends[0], pipe_ends[1]}) close(fd);
    CHECK(descriptors() == begun);
}

TEST_CASE("a disk that takes long keeps no other guest waiting") {
    const auto dir = std::filesystem::temp_directory_path() / "cmabi-test-wasi-sync";
    std::filesystem::create_directories(dir);
    std::ofstream(dir / "file") << "x";
    const auto begun_threads = threads_before();
    {
        std::string out;
        Program program(granted(out, {"probe"})
                            .stdin_bytes("open\t0\tfile\trw\nsync\t1\nsync-data\t1\nread\t1\n")
                            .dir(dir.string(), "/d"));
        const auto instance = program.linker.instantiate(*program.store, Program::component());
        const auto waker = program.store->waker();
        auto call = instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.2.12#run").start();
        // The host has its thread back while another one syncs.
        CHECK(!call.done());
        while (!call.done()) {
            pollfd fd{waker.fd(), POLLIN, 0};
            REQUIRE(poll(&fd, 1, 60'000) == 1);
            waker.clear();
            program.store->run();
        }
        CHECK(call.get().has_value());
        CHECK(out == "ok 1\nok\nok\nok x\n");
    }
    for (int i = 0; i < 500 && threads() != begun_threads; ++i) std::this_thread::sleep_for(20ms);
    CHECK(threads() == begun_threads);
    std::filesystem::remove_all(dir);
}

TEST_CASE("a guest that writes where nobody reads ends no process") {
    // Without anything that would ignore the signal.
    const bool is_default = std::signal(SIGPIPE, SIG_DFL) != SIG_ERR;
    REQUIRE(is_default);
    const auto dir = std::filesystem::temp_directory_path() / "cmabi-test-wasi-pipe";
    std::filesystem::create_directories(dir);
    REQUIRE(mkfifo((dir / "fifo").c_str(), 0600) == 0);
    const int reader = open((dir / "fifo").c_str(), O_RDONLY | O_NONBLOCK);
    REQUIRE(reader >= 0);
    std::string out;
    SUBCASE("a standard stream") {
        auto writes = cmabi::wasi().arg("programs").arg("zeroes").arg("100000");
        const int writer = open((dir / "fifo").c_str(), O_WRONLY);
        close(reader);
        const int standard_output = dup(1);
        dup2(writer, 1);
        Program program(writes.inherit_stdio(cmabi::wasi::stdout_stream));
        std::string message;
        try {
            program.run();
        } catch (const cmabi::error &error) {
            message = error.what();
        }
        dup2(standard_output, 1);
        close(standard_output);
        close(writer);
        CHECK(message.find("exited with status 1") != std::string::npos);
    }
    SUBCASE("a pipe that it has opened") {
        auto probe = granted(out, {"probe"});
        std::size_t line = 0;
        probe.dir(dir.string(), "/d").stdin_from([&](std::uint8_t *buffer, std::size_t) -> std::optional<std::size_t> {
            const std::string_view lines[] = {"open\t0\tfifo\tw\n", "write-to\t1\n", ""};
            if (line == 1) close(reader);
            const auto text = lines[line++];
            std::copy(text.begin(), text.end(), buffer);
            return text.size();
        });
        CHECK(Program(probe).run());
        CHECK(out == "ok 1\nok closed\n");
    }
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
    std::filesystem::remove_all(dir);
}

TEST_CASE("an instance that waits can be called, and so can others") {
    Napper napper;
    cmabi::store store(napper.engine);
    const auto instance = napper.linker.instantiate(store, napper.component);
    const auto other = napper.linker.instantiate(store, napper.component);
    const auto nap = instance.func<std::uint64_t(std::uint64_t)>("nap");
    auto call = nap.start(20'000'000);
    CHECK(instance.func<std::uint64_t()>("now")() > 0);
    CHECK(!call.done());
    CHECK(other.func<std::uint64_t(std::uint64_t)>("nap")(1000) >= 1000);
    CHECK(!call.done());
    // The other sleeps longer.
    CHECK(other.func<std::uint64_t(std::uint64_t)>("nap")(60'000'000) >= 60'000'000);
    CHECK(call.done());
    CHECK(instance.func<std::uint64_t()>("now")() > 0);
}
