// Streams and futures: a guest as a filter between a source and a sink of the host's, a file that goes through
// it no faster than it is taken, and a future that another thread resolves. streams.c does the same in C, and
// prints the same.
//
//     streams-cpp pipe.wasm

#include "pipe.hpp" // generated from guest/pipe.wit

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <poll.h>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using demo::pipe::pipe;
using reader = cmabi::stream_reader<std::uint8_t>;

// A filter: text goes in, and comes out as it is read.
void filter(cmabi::store &store, const pipe &guest) {
    const std::string_view text = "streams are values: a host makes them, and a guest reads them\n";
    auto in = cmabi::make_stream<std::uint8_t>(store);
    reader loud = guest.shout(std::move(in.reader));
    // Not waited for: the guest takes it while what it makes of it is read below.
    in.writer.write(std::vector<std::uint8_t>(text.begin(), text.end()), [&](std::size_t) { in.writer.drop(); });
    for (;;) {
        const std::vector<std::uint8_t> some = loud.read(16);
        if (some.empty()) {
            break;
        }
        std::cout.write(reinterpret_cast<const char *>(some.data()), static_cast<std::streamsize>(some.size()));
    }
}

// A file: read to where the guest wants it, written from where the guest has it.
void copy_file(cmabi::store &store, const pipe &guest) {
    std::stringstream from, to;
    for (int i = 0; i < 20000; ++i) {
        from << "this is line " << i << '\n';
    }
    std::size_t read = 0, written = 0, most_ahead = 0;

    auto in = cmabi::make_stream<std::uint8_t>(store);
    // Called inside the guest's read: what is written here is what the guest gets at once.
    in.writer.watch([&](cmabi::stream_signal signal) {
        if (signal != cmabi::stream_signal::waits) {
            return;
        }
        const cmabi_copied copied = in.writer.write_in_place([&](std::uint8_t *room, std::size_t count) {
            from.read(reinterpret_cast<char *>(room), static_cast<std::streamsize>(count));
            return from.gcount();
        });
        read += copied.count;
        most_ahead = std::max(most_ahead, read - written);
        if (copied.count == 0) {
            in.writer.drop(); // the end of the file
        }
    });
    reader loud = guest.shout(std::move(in.reader));
    cmabi_copied copied{};
    while (copied.result != CMABI_COPY_RESULT_DROPPED) {
        store.run();
        // A slow sink: it takes a thousand bytes at a time.
        copied = loud.read_in_place([&](cmabi::list<std::uint8_t> bytes) {
            const std::size_t taken = std::min<std::size_t>(bytes.size(), 1000);
            to.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(taken));
            return taken;
        });
        written += copied.count;
    }

    std::string line;
    std::getline(to, line);
    std::cout << "copied " << written << " of " << read << " bytes, never more than " << most_ahead
              << " ahead; the first line is " << line << '\n';
}

// A future: another thread finds the value, the store's thread writes it.
void greet(cmabi::store &store, const pipe &guest) {
    const cmabi::waker waker = store.waker();
    std::mutex mutex;
    std::string name;
    std::thread thread([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        {
            const std::lock_guard lock(mutex);
            name = "Ada";
        }
        waker.wake();
    });
    auto promise = cmabi::make_future<std::string>(store);
    auto call = guest.greet_start(std::move(promise.reader));

    // The loop of a program would wait for other things, too.
    pollfd loop{waker.fd(), POLLIN, 0};
    poll(&loop, 1, -1);
    waker.clear();
    {
        const std::lock_guard lock(mutex);
        promise.writer.set(name);
    }
    store.run();
    std::cout << call.get() << '\n';
    thread.join();
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: streams-cpp pipe.wasm\n";
        return 2;
    }
    try {
        const cmabi::engine engine;
        const cmabi::component component(engine, std::string_view(argv[1]));
        cmabi::store store(engine);
        const pipe guest(cmabi::linker(engine), store, component);
        filter(store, guest);
        copy_file(store, guest);
        greet(store, guest);
    } catch (const std::exception &error) {
        std::cerr << "streams-cpp: " << error.what() << '\n';
        return 1;
    }
}
