// Writes what happens in a store as Chrome trace JSON: `trace-chrome jobs.wasm > trace.json`, to be opened in
// chrome://tracing or ui.perfetto.dev. See docs/tracing.md.
#include <cmabi.hpp>

#include <chrono>
#include <deque>
#include <iostream>
#include <string>
#include <string_view>

namespace {

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\', out += c;
        else
            out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return out + '"';
}

// A call is a span from its beginning to its end, and a wait is one inside of it: both may overlap with others,
// so they are "async" events, told apart by the number of the call.
class chrome_trace {
public:
    explicit chrome_trace(std::ostream &out) : out_(out) { out_ << std::fixed << "{\"traceEvents\":["; }
    ~chrome_trace() { out_ << "\n]}\n"; }

    void operator()(const cmabi_trace_event &event) {
        switch (event.kind) {
        case CMABI_TRACE_KIND_CALL_BEGIN:
            return write('b', event, cmabi::string(event.name));
        case CMABI_TRACE_KIND_CALL_RETURN:
        case CMABI_TRACE_KIND_CALL_CANCEL:
        case CMABI_TRACE_KIND_CALL_TRAP:
            return write('e', event, cmabi::string(event.name));
        case CMABI_TRACE_KIND_TASK_BLOCK:
            return write('b', event, cmabi::string(event.detail));
        case CMABI_TRACE_KIND_TASK_WAKE:
            return write('e', event, cmabi::string(event.detail));
        default:
            return write('n', event, cmabi::string(event.name));
        }
    }

private:
    void write(char phase, const cmabi_trace_event &event, std::string_view name) {
        const std::chrono::duration<double, std::micro> now = std::chrono::steady_clock::now() - begin_;
        out_ << separator_ << "{\"ph\":\"" << phase << "\",\"cat\":\"call\",\"pid\":1,\"tid\":1,\"id\":" << event.task
             << ",\"ts\":" << now.count() << ",\"name\":" << quoted(name)
             << ",\"args\":{\"instance\":" << quoted(cmabi::string(event.instance))
             << ",\"detail\":" << quoted(cmabi::string(event.detail)) << "}}";
        separator_ = ",\n";
    }

    std::ostream &out_;
    const char *separator_ = "\n";
    const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void run(std::string_view file) {
    chrome_trace trace(std::cout);
    cmabi::config config;
    config.trace([&](const cmabi_trace_event &event) { trace(event); });
    const cmabi::engine engine;
    const cmabi::component component(engine, file);
    cmabi::linker linker(engine);
    std::deque<cmabi::promise<void>> sleepers;
    linker.func("demo:jobs/host", "sleep", [&](cmabi::promise<void> awake, std::uint32_t) {
        sleepers.push_back(std::move(awake));
    });
    linker.func("demo:jobs/host", "digest", [](std::string_view text) -> std::uint64_t { return text.size(); });
    cmabi::store store(engine, config);
    auto instance = linker.instantiate(store, component);
    instance.label("jobs");
    const auto job = instance.func<std::uint64_t(std::string, std::uint32_t, std::uint32_t)>("run");
    auto one = job.start("one", 2, 10);
    auto two = job.start("two", 3, 20);
    while (!one.done() || !two.done()) {
        sleepers.front().resolve();
        sleepers.pop_front();
        store.run();
    }
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: trace-chrome jobs.wasm\n";
        return 2;
    }
    try {
        run(argv[1]);
    } catch (const cmabi::error &error) {
        std::cerr << "trace-chrome: " << error.report() << '\n';
        return 1;
    }
}
