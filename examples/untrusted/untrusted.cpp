// A host for plug-ins that it does not trust. Each lives in a store of its own, with limits; one that misbehaves is
// stopped, named and replaced, while a good one has a call and a stream under way. docs/untrusted.md explains it;
// untrusted.c does the same in C, and prints the same.
//
//     untrusted-cpp FOLDER

#include "plugin.hpp" // generated from guest/untrusted.wit

#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// What a plug-in may use, beside the limits that are set below: instructions of one call, time of one call, lines in
// the log.
constexpr std::uint64_t call_fuel = 1'000'000;
constexpr auto call_time = 10s;
constexpr unsigned lines = 3;

// What a store keeps for its plug-in.
struct account {
    unsigned lines = 0;
};

// What plug-ins get from the host.
struct services {
    // The call of `lookup` that is to be answered.
    std::optional<cmabi::promise<std::uint32_t>> asked;

    void lookup(cmabi::promise<std::uint32_t> reports, std::string_view) {
        asked = std::move(reports); // later
    }
    // A host function is where a plug-in spends what is the host's: it counts for whom. An exception would do as well,
    // and pass through the plug-in as it is; a promise that fails is the plug-in's error, with its frames.
    void log(cmabi::promise<void> written, cmabi::caller caller, std::string_view) {
        if (caller.store_data<account>().lines++ < lines) {
            written.resolve();
        } else {
            written.fail("the log has enough lines of this plug-in");
        }
    }
};

// What went wrong, where, and what the plug-in had to say.
void report(std::string_view name, const cmabi::error &error) {
    const std::string_view status = cmabi::string(cmabi_status_text(error.status()));
    std::cout << name << ": " << status << ": " << error.what() << '\n';
    for (const cmabi::frame &frame : error.frames()) {
        // The core functions inside of a plug-in are for its author.
        if (frame.kind != CMABI_FRAME_KIND_CORE) std::cout << "  in " << frame.text << '\n';
    }
    if (!error.path().empty()) std::cout << "  it concerns: " << error.path() << '\n';
    if (!error.last_words().empty()) std::cout << "  its last words: " << error.last_words() << '\n';
}

class guest {
public:
    using reader = cmabi::stream_reader<std::uint8_t>;

    guest(const cmabi::engine &engine, const cmabi::linker &linker, const std::string &folder, std::string name)
        : engine_(engine), linker_(linker), name_(std::move(name)), component_(engine, folder + '/' + name_ + ".wasm") {}

    // Makes an instance in a new store, and lets go of the one before with all that it had: that is all that it takes
    // to replace one. Without fuel, only time stops it.
    void start(bool with_fuel = true) {
        world_.reset();
        store_.reset();
        cmabi::config limits;
        limits.max_guest_bytes(1 << 20).max_host_bytes(1 << 20).max_call_bytes(64 << 10).max_handles(1000);
        limits.interruptible();
        if (with_fuel) limits.call_fuel(call_fuel);
        store_.emplace(engine_, limits);
        // For host functions; before the instance, whose making can call them.
        store_->set_data(account());
        // Making an instance runs the plug-in's code, and may fail as a call may.
        world_.emplace(store_->within(call_time, [&] {
            return demo::untrusted::plugin(linker_, *store_, component_);
        }));
        cmabi::instance(world_->instance()).label(name_);
    }
    std::string rate(std::string_view text, std::chrono::nanoseconds time = call_time) {
        const auto rating = store_->within(time, [&] { return world_->rate(text); });
        return rating ? rating.value() : rating.error();
    }
    reader numbers(std::uint8_t count) {
        return store_->within(call_time, [&] { return world_->numbers(count); });
    }
    // Reads and prints up to `most` numbers. Throws where there will be no more because the plug-in has died.
    void read(reader &from, int most) {
        std::cout << name_ << ':';
        for (int i = 0; i < most; ++i) {
            std::vector<std::uint8_t> number;
            try {
                number = store_->within(call_time, [&] { return from.read(1); });
            } catch (const cmabi::error &) {
                std::cout << " and no end\n";
                throw;
            }
            // The end, which the plug-in has made.
            if (number.empty()) {
                std::cout << " and the end";
                break;
            }
            std::cout << ' ' << int(number[0]);
        }
        std::cout << '\n';
    }

    const std::string &name() const { return name_; }
    cmabi::store &store() { return *store_; }
    const demo::untrusted::plugin &world() const { return *world_; }

private:
    const cmabi::engine &engine_;
    const cmabi::linker &linker_;
    std::string name_;
    cmabi::component component_;
    std::optional<cmabi::store> store_;
    std::optional<demo::untrusted::plugin> world_;
};

// A plug-in does its worst, and another instance of it takes its place.
void provoke(guest &bad, bool with_fuel, std::chrono::nanoseconds time) {
    bad.start(with_fuel);
    try {
        std::cout << bad.rate("! buy now !", time) << "?\n";
    } catch (const cmabi::error &error) {
        report(bad.name(), error);
    }
    try {
        bad.rate("hello");
    } catch (const cmabi::error &error) {
        // From now on every call says that it is dead, and why.
        std::cout << "  replaced, as it is " << (error.status() == CMABI_STATUS_ENDED ? "ended" : "alive?") << '\n';
        bad.start(with_fuel);
    }
    std::cout << bad.name() << ": \"hello\" is " << bad.rate("hello") << '\n';
}

// Dies with its stream half written; and, in a new instance, is ended by the host.
void die_in_midstream(guest &dying) {
    dying.start();
    try {
        auto six = dying.numbers(6);
        dying.read(six, 7);
    } catch (const cmabi::error &error) {
        report(dying.name(), error);
        std::cout << "  replaced\n";
        dying.start();
    }
    auto three = dying.numbers(3);
    dying.read(three, 4);

    three = dying.numbers(3);
    dying.read(three, 1);
    dying.world().instance().terminate();
    try {
        dying.read(three, 1);
    } catch (const cmabi::error &error) {
        report(dying.name(), error);
    }
}

void run(const std::string &folder) {
    const cmabi::engine engine;
    cmabi::linker linker(engine);
    services services;
    demo::untrusted::plugin::add_to_linker(linker, services);
    // WASI grants nothing, but what a plug-in says before it dies is kept.
    linker.wasi(cmabi::wasi().last_words(200));

    // The good plug-in begins its work: a call that waits for the host, and a stream that is read in part.
    guest good(engine, linker, folder, "good");
    good.start();
    auto call = good.world().rate_start("you have won");
    auto stream = good.numbers(6);
    good.read(stream, 2);

    // Its neighbours do their worst.
    for (const char *name : {"spinning", "flooding", "chatty", "crashing", "lying"}) {
        guest bad(engine, linker, folder, name);
        provoke(bad, true, call_time);
        // Without a bound of its work, it is stopped by the clock.
        if (bad.name() == "spinning") provoke(bad, false, 20ms);
    }
    guest dying(engine, linker, folder, "dying");
    die_in_midstream(dying);
    guest other(engine, linker, folder, "other");
    try {
        other.start();
    } catch (const cmabi::error &error) {
        report(other.name(), error);
    }

    // The good one has not noticed.
    services.asked->resolve(7U);
    good.store().within(call_time, [&] { good.store().run(); });
    std::cout << "good: \"you have won\" is " << call.get().error() << '\n';
    good.read(stream, 5);
}

} // namespace

int main(int argc, char **argv) {
    try {
        run(argc > 1 ? argv[1] : ".");
    } catch (const std::exception &error) {
        std::cout.flush();
        std::cerr << "untrusted-cpp: " << error.what() << '\n';
        return 1;
    }
}
