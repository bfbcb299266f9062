// WASI 0.3 for hosts in C and C++: the same grants as for 0.2, and streams that end where the host's bytes are. What
// programs make of it is in tools/tests/wasi_v3.rs.

#include "process.hpp"
#include "support.hpp"

#include <cmabi.hpp>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// A store with the programs of v3-cli.wat.
struct Program {
    cmabi::engine engine;
    cmabi::component component{engine, GUEST_DIR "/v3-cli.wasm"};
    cmabi::linker linker{engine};
    std::optional<cmabi::store> store;
    std::optional<cmabi::instance> instance;

    explicit Program(const cmabi::wasi &granted) {
        linker.wasi(granted);
        store.emplace(engine);
        instance.emplace(linker.instantiate(*store, component));
    }

    cmabi::func<cmabi::expected<void, void>()> run() {
        return instance->func<cmabi::expected<void, void>()>("wasi:cli/run@0.3.0#run");
    }
};

/// One that writes to `out`.
cmabi::wasi granted(std::string &out, std::initializer_list<std::string_view> args) {
    cmabi::wasi granted;
    granted.arg("v3-cli");
    for (const auto arg : args) granted.arg(arg);
    granted.output_to(cmabi::wasi::stdout_stream, [&out](std::string_view bytes) { out += bytes; });
    return granted;
}

} // namespace

TEST_CASE("a program for WASI 0.3 gets what the same config grants") {
    std::string out;
    SUBCASE("arguments") {
        CHECK(Program(granted(out, {"args", "one", "two"})).run()().has_value());
        CHECK(out == "one\ntwo\n");
    }
    SUBCASE("the environment") {
        CHECK(Program(granted(out, {"vars"}).env("A", "1").env("B", "2")).run()().has_value());
        CHECK(out == "A=1\nB=2\n");
    }
    SUBCASE("nothing by default") {
        CHECK(Program(granted(out, {"vars"})).run()().has_value());
        CHECK(Program(granted(out, {"copy"})).run()().has_value());
        CHECK(out.empty());
    }
    SUBCASE("standard input") {
        for (const char *program : {"copy", "pass"}) {
            out.clear();
            CHECK(Program(granted(out, {program}).stdin_bytes("over there")).run()().has_value());
            CHECK(out == "over there");
        }
    }
    SUBCASE("an exit status") {
        Program program(granted(out, {"exit"}));
        try {
            program.run()();
            FAIL("it exits");
        } catch (const cmabi::error &error) {
            CHECK(error.status() == CMABI_STATUS_EXIT);
            CHECK(error.exit_code() == 7);
        }
    }
}

TEST_CASE("callbacks have the guest's bytes where the guest has them") {
    // The program reads to where it writes from.
    std::string out;
    const std::uint8_t *room = nullptr;
    int reads = 0;
    cmabi::wasi granted;
    granted.arg("v3-cli").arg("copy");
    granted.stdin_from([&](std::uint8_t *buffer, std::size_t capacity) -> std::optional<std::size_t> {
        REQUIRE(capacity == 65536);
        room = buffer;
        std::fill_n(buffer, 1000, static_cast<std::uint8_t>('a' + reads));
        return ++reads <= 3 ? 1000 : 0;
    });
    granted.output_to(cmabi::wasi::stdout_stream, [&](std::string_view bytes) {
        CHECK(static_cast<const void *>(bytes.data()) == room);
        out += bytes;
    });
    CHECK(Program(granted).run()().has_value());
    CHECK(out == std::string(1000, 'a') + std::string(1000, 'b') + std::string(1000, 'c'));
}

TEST_CASE("a callback that has nothing yet is asked again when the store runs") {
    for (const char *name : {"copy", "pass"}) {
        std::string out;
        std::optional<std::string> next;
        auto config = granted(out, {name});
        config.stdin_from([&next](std::uint8_t *buffer, std::size_t capacity) -> std::optional<std::size_t> {
            if (!next) return std::nullopt;
            REQUIRE(next->size() <= capacity);
            std::copy(next->begin(), next->end(), buffer);
            const auto len = next->size();
            next.reset();
            return len;
        });
        Program program(config);
        auto call = program.run().start();
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
}

TEST_CASE("a read of nothing from a callback ends when it has something") {
    for (const bool ends : {false, true}) {
        std::string out;
        std::optional<std::string> next;
        auto config = granted(out, {"poll"});
        config.stdin_from([&next](std::uint8_t *buffer, std::size_t capacity) -> std::optional<std::size_t> {
            if (!next) return std::nullopt;
            REQUIRE(next->size() <= capacity);
            std::copy(next->begin(), next->end(), buffer);
            return std::exchange(next, "")->size();
        });
        Program program(config);
        auto call = program.run().start();
        for (int i = 0; i < 3; ++i) program.store->run();
        CHECK(!call.done());
        next = ends ? "" : "12345";
        program.store->run();
        REQUIRE(call.done());
        CHECK(call.get().has_value());
        // DROPPED without bytes at the end.
        CHECK(out == (ends ? "0\n0\n" : "0\n5\n"));
    }
}

TEST_CASE("a callback that takes a little at a time gets everything") {
    for (const char *name : {"copy", "pass"}) {
        std::string out;
        const std::string in(20'000, 'x');
        auto config = cmabi::wasi().arg("v3-cli").arg(name).stdin_bytes(in).output_to(
            cmabi::wasi::stdout_stream, [&out](std::string_view bytes) -> std::optional<std::size_t> {
                const auto taken = bytes.substr(0, 777);
                out += taken;
                return taken.size();
            });
        CHECK(Program(std::move(config)).run()().has_value());
        CHECK(out == in);
    }
}

TEST_CASE("a host that takes nothing keeps the guest waiting, and nothing of what it writes") {
    for (const char *name : {"copy", "pass"}) {
        Program program(cmabi::wasi().arg("v3-cli").arg(name).stdin_bytes(std::string(1'000'000, 'x')).output_to(
            cmabi::wasi::stdout_stream,
            [](std::string_view) -> std::optional<std::size_t> { return std::nullopt; }));
        auto call = program.run().start();
        const auto host_bytes = [&program] {
            cmabi_counts counts = CMABI_COUNTS_INIT;
            REQUIRE_OK(cmabi_store_counts, program.store->get(), &counts);
            return counts.host_bytes;
        };
        program.store->run();
        const auto bytes = host_bytes();
        for (int i = 0; i < 100; ++i) program.store->run();
        CHECK(!call.done());
        CHECK(host_bytes() == bytes);
        CHECK(bytes < 1'000'000);
    }
}

TEST_CASE("what a callback throws is an error of the stream, and reaches the host") {
    auto config = cmabi::wasi().arg("v3-cli").arg("args").arg("x").output_to(
        cmabi::wasi::stdout_stream, [](std::string_view) { throw std::domain_error("no more"); });
    CHECK_THROWS_WITH_AS(Program(config).run()(), "no more", std::domain_error);
}

TEST_CASE("with a fixed clock timers end in order, and take no time") {
    std::string out;
    const auto before = std::chrono::steady_clock::now();
    CHECK(Program(granted(out, {"time"}).fixed_clocks(1'600'000'000s)).run()().has_value());
    CHECK(out == "ok\nok\nok\nok\nok\nok\nok\n");
    CHECK(std::chrono::steady_clock::now() - before < 10s);
}

TEST_CASE("an event loop is woken for what a program waits for") {
    std::string out;
    const auto begun_threads = threads_before();
    const auto files = descriptors();
    {
        Program program(granted(out, {"time"}));
        const auto waker = program.store->waker();
        auto call = program.run().start();
        int rounds = 0;
        for (; !call.done(); ++rounds) {
            pollfd fd{waker.fd(), POLLIN, 0};
            REQUIRE(poll(&fd, 1, 10'000) == 1);
            waker.clear();
            program.store->run();
        }
        CHECK(call.get().has_value());
        CHECK(rounds < 20);
    }
    CHECK(out == "ok\nok\nok\nok\nok\nok\nok\n");
    CHECK(threads() == begun_threads);
    CHECK(descriptors() == files);
}

// What watches threads lets no child have any.
#ifndef __SANITIZE_THREAD__
TEST_CASE("programs wait in a child of a process that has waited") {
    const auto is_right = [](const std::string &lines) {
        return lines == "ok\nok\nok\nok\nok\nok\nok\n";
    };
    std::string out;
    Program before(granted(out, {"time"}));
    CHECK(before.run()().has_value());
    CHECK(is_right(out));
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // It says what came out, and waits to be ended.
        char said = 'n';
        {
            std::string waited;
            Program program(granted(waited, {"time"}));
            if (program.run()().has_value() && is_right(waited)) said = 'y';
        }
        if (write(ends[1], &said, 1) == 1) pause();
        _exit(1);
    }
    pollfd readable{ends[0], POLLIN, 0};
    char said = 0;
    CHECK(poll(&readable, 1, 20'000) == 1);
    if (readable.revents != 0) CHECK(read(ends[0], &said, 1) == 1);
    CHECK(said == 'y');
    kill(child, SIGKILL);
    CHECK(waitpid(child, nullptr, 0) == child);
    close(ends[0]);
    close(ends[1]);
    // And its parent goes on.
    out.clear();
    CHECK(Program(granted(out, {"time"})).run()().has_value());
    CHECK(is_right(out));
}
#endif

TEST_CASE("nothing is left of what waits when its store is freed") {
    const auto begun = descriptors();
    int pipe_ends[2];
    REQUIRE(pipe(pipe_ends) == 0);
    const int standard_input = dup(0);
    REQUIRE(dup2(pipe_ends[0], 0) == 0);
    const auto begun_threads = threads_before();
    const auto files = descriptors();
    std::string out;
    for (const char *name : {"copy", "pass", "poll", "time"}) {
        Program program(granted(out, {name}).inherit_stdio(cmabi::wasi::stdin_stream));
        auto call = program.run().start();
        program.store->run();
        CHECK(!call.done());
    }
    CHECK(threads() == begun_threads);
    CHECK(descriptors() == files);
    dup2(standard_input, 0);
    for (const int fd : {standard_input, pipe_ends[0], pipe_ends[1]}) close(fd);
    CHECK(descriptors() == begun);
}

namespace {

/// A connection to a port of this machine.
struct Client {
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    explicit Client(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        REQUIRE(connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        REQUIRE(send(fd, "x", 1, 0) == 1);
    }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    ~Client() { close(fd); }

    /// Whether what was sent comes back in this time.
    bool is_served(int milliseconds) {
        pollfd readable{fd, POLLIN, 0};
        char byte = 0;
        return poll(&readable, 1, milliseconds) == 1 && recv(fd, &byte, 1, 0) == 1 && byte == 'x';
    }
};

} // namespace

TEST_CASE("clients beyond the limits of descriptors and resources wait until there is a place") {
    bool limits_descriptors = false;
    SUBCASE("descriptors") { limits_descriptors = true; }
    // One for the socket that listens, and three for each client: the socket, and how sending and receiving end.
    SUBCASE("resources") {}
    std::promise<std::uint16_t> port;
    std::thread server([&port, limits_descriptors] {
        std::string out;
        cmabi::wasi granted;
        granted.arg("v3-echo").arg("4").inherit_network();
        if (limits_descriptors) {
            granted.max_descriptors(3);
        } else {
            granted.max_resources(7);
        }
        granted.output_to(cmabi::wasi::stdout_stream, [&](std::string_view bytes) {
            out += bytes;
            if (out.compare(0, 5, "port ") == 0 && out.back() == '\n') {
                port.set_value(static_cast<std::uint16_t>(std::stoi(out.substr(5))));
                out.clear();
            }
        });
        cmabi::engine engine;
        cmabi::linker linker(engine);
        linker.wasi(granted);
        cmabi::store store(engine);
        const auto instance = linker.instantiate(store, cmabi::component(engine, WASI_DIR "/v3-echo.wasm"));
        CHECK(instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.3.2#run")().has_value());
    });
    const auto at = port.get_future().get();
    std::vector<std::unique_ptr<Client>> clients;
    const auto connect = [&clients, at]() -> Client & {
        clients.push_back(std::make_unique<Client>(at));
        return *clients.back();
    };
    CHECK(connect().is_served(10'000));
    CHECK(connect().is_served(10'000));
    for (const std::size_t leaves : {0U, 1U}) {
        Client &waits = connect();
        CHECK(!waits.is_served(100));
        clients[leaves].reset();
        CHECK(waits.is_served(10'000));
    }
    clients.clear();
    server.join();
}

TEST_CASE("what moves from one of the host's ends to another is stopped as guests are") {
    std::size_t moved = 0;
    cmabi::config config;
    config.interruptible();
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.wasi(cmabi::wasi().arg("v3-cli").arg("pass").stdio_file(cmabi::wasi::stdin_stream, "/dev/zero").output_to(
        cmabi::wasi::stdout_stream, [&](std::string_view bytes) { moved += bytes.size(); }));
    cmabi::store store(engine, config);
    const auto instance = linker.instantiate(store, cmabi::component(engine, GUEST_DIR "/v3-cli.wasm"));
    const auto run = instance.func<cmabi::expected<void, void>()>("wasi:cli/run@0.3.0#run");
    try {
        store.within(100ms, [&] { run(); });
        FAIL("it is interrupted");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_INTERRUPTED);
    }
    CHECK(moved > 65536);
}

TEST_CASE("what moves for ever from one of the host's ends to another lets an event loop come around") {
    std::size_t moved = 0;
    Program program(cmabi::wasi().arg("v3-cli").arg("quit").stdio_file(cmabi::wasi::stdin_stream, "/dev/zero").output_to(
        cmabi::wasi::stdout_stream, [&](std::string_view bytes) { moved += bytes.size(); }));
    CHECK(program.run()().has_value());
    const auto waker = program.store->waker();
    for (int i = 0; i < 3; ++i) {
        const auto before = moved;
        waker.clear();
        program.store->run();
        CHECK(moved > before);
        // There is more to do.
        CHECK(waker.clear());
    }
}

TEST_CASE("what an instance has the host move ends with it") {
    std::size_t moved = 0;
    Program program(cmabi::wasi().arg("v3-cli").arg("fall").stdio_file(cmabi::wasi::stdin_stream, "/dev/zero").output_to(
        cmabi::wasi::stdout_stream, [&](std::string_view bytes) { moved += bytes.size(); }));
    CHECK_THROWS_AS(program.run()(), cmabi::error);
    const auto before = moved;
    program.store->run();
    CHECK(moved == before);
}

TEST_CASE("the last words of a program that traps are in the error") {
    std::string out;
    Program program(granted(out, {"trap"}).last_words(4));
    try {
        program.run()();
        FAIL("it traps");
    } catch (const cmabi::error &error) {
        CHECK(error.status() == CMABI_STATUS_TRAP);
        CHECK(error.last_words() == "ter\n");
    }
}

TEST_CASE("one component imports both versions") {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.wasi({});
    cmabi::store store(engine);
    const auto instance = linker.instantiate(store, cmabi::component(engine, GUEST_DIR "/both-wasi.wasm"));
    const auto waited = instance.func<std::uint64_t(std::uint64_t)>("wait")(5'000'000);
    CHECK(waited >= 5'000'000);
    CHECK(waited < 5'000'000'000);
}
