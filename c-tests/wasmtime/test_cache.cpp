// Compiled code that is kept in a folder.
#include "support.hpp"

#include <cmabi_wasmtime.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <random>
#include <thread>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using bytes = std::vector<std::uint8_t>;

// A folder that is gone when this is.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "cmabi-cache-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() {
        fs::permissions(path, fs::perms::owner_all);
        fs::remove_all(path);
    }
    std::vector<fs::path> files(const char *extension = ".cmabi") const {
        std::vector<fs::path> found;
        for (const auto &file : fs::directory_iterator(path)) {
            if (file.path().extension() == extension) found.push_back(file.path());
        }
        return found;
    }

    fs::path path;
};

cmabi::config cached(const fs::path &folder, std::uint64_t max_bytes = 0) {
    cmabi::config config;
    config.cache_dir(folder.string(), max_bytes);
    return config;
}

std::uint32_t add(const cmabi::engine &engine, const bytes &wasm) {
    const cmabi::component component(engine, {wasm.data(), wasm.size()});
    const cmabi::linker linker(engine);
    cmabi::store store(engine);
    return linker.instantiate(store, component).func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(20, 22);
}

// The component of `adder.wasm`, with a section that makes it another.
bytes adder(std::uint8_t number) {
    bytes wasm = read_guest("adder.wasm");
    wasm.insert(wasm.end(), {0, 3, 1, 'n', number});
    return wasm;
}

std::string content(const fs::path &file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
}

void write(const fs::path &file, const std::string &content) {
    std::ofstream(file, std::ios::binary).write(content.data(), std::streamsize(content.size()));
}

ino_t inode(const fs::path &file) {
    struct stat found {};
    REQUIRE(stat(file.c_str(), &found) == 0);
    return found.st_ino;
}

// As if it was used so long ago.
void age(const fs::path &file, std::chrono::seconds by) {
    fs::last_write_time(file, fs::file_time_type::clock::now() - by);
}

// Runs `body` in a process of its own; whether that ended well.
pid_t process(const std::function<bool()> &body) {
    const pid_t child = fork();
    if (child == 0) _exit(body() ? 0 : 1);
    return child;
}

bool ended_well(pid_t child) {
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

TEST_CASE("a component is compiled once, and taken from the cache from then on") {
    const Folder folder;
    const auto config = cached(folder.path);
    CHECK(folder.files().empty());
    ino_t first = 0;
    for (int round = 0; round < 3; round++) {
        const cmabi::wasmtime_engine engine(config);
        CHECK(add(engine, adder(0)) == 42);
        const auto files = folder.files();
        REQUIRE(files.size() == 1);
        if (round == 0) first = inode(files[0]);
        // It was used, and not written again.
        CHECK(inode(files[0]) == first);
        CHECK(fs::last_write_time(files[0]) > fs::file_time_type::clock::now() - 1h);
        age(files[0], 2h);
    }
    // Also from a file.
    const cmabi::wasmtime_engine engine(config);
    const cmabi::component other(engine, GUEST_DIR "/adder.wasm");
    const cmabi::component again(engine, GUEST_DIR "/adder.wasm");
    CHECK(folder.files().size() == 2);
    CHECK(folder.files(".tmp").empty());
}

TEST_CASE("each content, and each way to compile it, has an entry of its own") {
    const Folder folder;
    auto config = cached(folder.path);
    {
        const cmabi::wasmtime_engine engine(config);
        for (std::uint8_t i = 0; i < 5; i++) CHECK(add(engine, adder(i)) == 42);
        CHECK(folder.files().size() == 5);
    }
    config.interruptible();
    const cmabi::wasmtime_engine interruptible(config);
    CHECK(add(interruptible, adder(0)) == 42);
    CHECK(folder.files().size() == 6);
    config.cache_dir("");
    const cmabi::wasmtime_engine without(config);
    CHECK(add(without, adder(9)) == 42);
    CHECK(folder.files().size() == 6);
}

TEST_CASE("an engine that has no compiled code keeps nothing") {
    const Folder folder;
    const cmabi::engine engine(cached(folder.path));
    CHECK(add(engine, adder(0)) == 42);
    CHECK(fs::is_empty(folder.path));
}

TEST_CASE("an entry that was damaged is made again") {
    const Folder folder;
    const cmabi::wasmtime_engine engine(cached(folder.path));
    CHECK(add(engine, adder(0)) == 42);
    const fs::path entry = folder.files()[0];
    const std::string whole = content(entry);
    const auto check = [&](const std::string &damaged) {
        write(entry, damaged);
        CHECK(add(engine, adder(0)) == 42);
        CHECK(content(entry) == whole);
    };
    for (std::size_t at = 0; at < whole.size(); at += whole.size() / 50 + 1) {
        CAPTURE(at);
        std::string flipped = whole;
        flipped[at] = char(flipped[at] ^ 0x10);
        check(flipped);
        check(whole.substr(0, at));
    }
    check(whole + "more");
    // What another component has left there.
    CHECK(add(engine, adder(1)) == 42);
    for (const auto &other : folder.files()) {
        if (other != entry) check(content(other));
    }
    // And what cannot be removed.
    fs::remove(entry);
    fs::create_directories(entry / "full");
    CHECK(add(engine, adder(0)) == 42);
    CHECK(fs::is_directory(entry));
    CHECK(folder.files(".tmp").empty());
}

TEST_CASE("a cache has its size, and what was not used for longest goes first") {
    const Folder folder;
    std::uintmax_t size = 0;
    {
        const cmabi::wasmtime_engine engine(cached(folder.path));
        CHECK(add(engine, adder(0)) == 42);
        size = fs::file_size(folder.files()[0]);
    }
    const fs::path first = folder.files()[0];
    const cmabi::wasmtime_engine engine(cached(folder.path, 3 * size + size / 2));
    CHECK(add(engine, adder(1)) == 42);
    CHECK(add(engine, adder(2)) == 42);
    for (const auto &file : folder.files()) age(file, 2h);
    age(first, 3h);
    // It is the oldest, and is used.
    CHECK(add(engine, adder(0)) == 42);
    for (std::uint8_t i = 3; i < 5; i++) {
        CHECK(add(engine, adder(i)) == 42);
        CHECK(folder.files().size() == 3);
        CHECK(fs::exists(first));
    }
    // What does not fit is not kept, and nothing goes for it.
    const cmabi::wasmtime_engine narrow(cached(folder.path, size - 1));
    CHECK(add(narrow, adder(6)) == 42);
    CHECK(folder.files().size() == 3);
}

TEST_CASE("what processes that ended have left unfinished goes after a while") {
    const Folder folder;
    write(folder.path / "cmabi-1-0-0.tmp", "old");
    write(folder.path / "cmabi-1-1-0.tmp", "new");
    age(folder.path / "cmabi-1-0-0.tmp", 2h);
    const char *const not_of_the_cache[] = {"README", "mine.tmp", "cmabi-mine.tmp"};
    for (const char *const file : not_of_the_cache) {
        write(folder.path / file, "not of the cache");
        age(folder.path / file, 2h);
    }
    const cmabi::wasmtime_engine engine(cached(folder.path));
    CHECK(add(engine, adder(0)) == 42);
    CHECK(!fs::exists(folder.path / "cmabi-1-0-0.tmp"));
    CHECK(fs::exists(folder.path / "cmabi-1-1-0.tmp"));
    for (const char *const file : not_of_the_cache) CHECK(fs::exists(folder.path / file));
}

TEST_CASE("a folder that is not there, or cannot be written to, is an error at once") {
    const Folder folder;
    cmabi::config config;
    const std::string absent = (folder.path / "absent").string(), file = (folder.path / "file").string();
    write(file, "");
    CHECK_FAILS(CMABI_STATUS_NOT_FOUND, absent, cmabi_config_set_cache_dir, config.get(), view(absent), 0);
    CHECK_FAILS(CMABI_STATUS_INVALID_ARGUMENT, "is not a folder", cmabi_config_set_cache_dir, config.get(), view(file), 0);
    const auto as_nobody = [&](const std::function<bool()> &body) {
        return ended_well(process([&] { return (getuid() != 0 || setuid(65534) == 0) && body(); }));
    };
    chmod(folder.path.c_str(), 0555);
    CHECK(as_nobody([&] {
        Error error;
        return cmabi_config_set_cache_dir(config.get(), view(folder.path.string()), 0, error.out()) ==
                   CMABI_STATUS_INVALID_ARGUMENT &&
               error.message().find("no file can be made there") != std::string::npos;
    }));
    // It may become so later: then nothing new is kept, and what is there is used.
    chmod(folder.path.c_str(), 0755);
    config.cache_dir(folder.path.string());
    const bytes known = adder(0), unknown = adder(1);
    {
        const cmabi::wasmtime_engine engine(config);
        CHECK(add(engine, known) == 42);
    }
    chmod(folder.path.c_str(), 0555);
    CHECK(as_nobody([&] {
        const cmabi::wasmtime_engine engine(config);
        return add(engine, known) == 42 && add(engine, unknown) == 42;
    }));
    CHECK(folder.files().size() == 1);
    // Or be gone.
    chmod(folder.path.c_str(), 0755);
    fs::remove_all(folder.path);
    const cmabi::wasmtime_engine engine(config);
    CHECK(add(engine, known) == 42);
    CHECK(!fs::exists(folder.path));
    fs::create_directory(folder.path);
}

TEST_CASE("processes use a cache at once, while entries go and are damaged") {
    const Folder folder;
    std::vector<bytes> guests;
    for (std::uint8_t i = 0; i < 6; i++) guests.push_back(adder(i));
    std::vector<pid_t> processes;
    for (unsigned seed = 0; seed < 6; seed++) {
        processes.push_back(process([&, seed] {
            // Room for some of them.
            const cmabi::wasmtime_engine engine(cached(folder.path, 50'000));
            std::mt19937 random(seed);
            for (int round = 0; round < 40; round++) {
                if (add(engine, guests[random() % guests.size()]) != 42) return false;
            }
            return true;
        }));
    }
    // Where a file is changed in place that somebody has mapped, his code changes: who damages replaces it.
    processes.push_back(process([&] {
        std::mt19937 random(7);
        for (int round = 0; round < 60; round++) {
            for (const auto &entry : folder.files()) {
                std::string damaged = content(entry);
                if (damaged.empty()) continue;
                damaged[random() % damaged.size()] ^= 1;
                write(folder.path / "damaged", damaged);
                rename((folder.path / "damaged").c_str(), entry.c_str());
            }
            std::this_thread::sleep_for(5ms);
        }
        return true;
    }));
    for (const pid_t child : processes) CHECK(ended_well(child));
    CHECK(folder.files(".tmp").empty());
    // All of them are whole, or are made so.
    const cmabi::wasmtime_engine engine(cached(folder.path));
    for (const auto &guest : guests) CHECK(add(engine, guest) == 42);
    CHECK(folder.files().size() == guests.size());
}

TEST_CASE("threads load components at once, compiled, from the cache and precompiled") {
    const Folder folder;
    const cmabi::wasmtime_engine engine(cached(folder.path)), plain;
    std::vector<bytes> guests;
    for (std::uint8_t i = 0; i < 4; i++) guests.push_back(adder(i));
    const bytes echo = read_guest("echo.wasm");
    const bytes code = cmabi::component(plain, {guests[0].data(), guests[0].size()}).serialize();
    std::atomic<int> done{0};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 6; i++) {
        threads.emplace_back([&, i] {
            for (unsigned round = 0; round < 5; round++) {
                const cmabi::component large(plain, {echo.data(), echo.size()});
                const auto loaded = cmabi::component::load_precompiled(plain, {code.data(), code.size()});
                const cmabi::linker linker(plain);
                cmabi::store store(plain);
                const auto sum = linker.instantiate(store, loaded)
                                     .func<std::uint32_t(std::uint32_t, std::uint32_t)>("add")(20, 22);
                if (sum == 42 && add(engine, guests[(i + round) % 4]) == 42 && large.exports().size() > 0) ++done;
            }
        });
    }
    for (auto &thread : threads) thread.join();
    CHECK(done == 30);
    CHECK(folder.files().size() == 4);
}
