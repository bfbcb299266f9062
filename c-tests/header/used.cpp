// The templates of the header, instantiated: warnings are found only then.
#include <cmabi.hpp>

struct point {
    double x, y;
};
template <>
struct cmabi::record<point> {
    static constexpr auto fields =
        std::make_tuple(cmabi::field("x", &point::x), cmabi::field("y", &point::y));
};

template <class T>
void use_stream(cmabi::stream_ends<T> ends) {
    using values = std::vector<typename cmabi::stream_reader<T>::value_type>;
    ends.reader.watch([](cmabi::stream_signal) {});
    ends.writer.watch([](cmabi::stream_signal) { return true; });
    ends.writer.release();
    ends.reader.read(1);
    ends.reader.read(1, [](values) {});
    ends.reader.read_all();
    ends.reader.cancel();
    ends.writer.write(values(1), [](std::size_t) {});
    ends.writer.cancel();
    ends.reader = cmabi::stream_reader<T>();
    ends.writer.drop();
}

template <class T>
void use_future(cmabi::future_ends<T> ends) {
    ends.reader.get();
    ends.reader.get([](auto) {});
    ends.reader.cancel();
    ends.reader.drop();
    ends.writer.set({});
}

void use(cmabi::store &store, const cmabi::instance &instance, cmabi::linker &linker,
         const cmabi::type &type) {
    use_stream(cmabi::make_stream<bool>(store));
    use_stream(cmabi::make_stream<void>(store));
    use_stream(cmabi::make_stream<std::string>(store));
    use_stream(cmabi::make_stream<std::vector<std::uint16_t>>(store));
    use_stream(cmabi::make_stream<point>(store, type));
    use_stream(cmabi::make_stream<cmabi::stream_reader<std::uint8_t>>(store, type));
    use_future(cmabi::make_future<void>(store));
    use_future(cmabi::make_future<std::string>(store));

    auto bytes = cmabi::make_stream<std::uint8_t>(store);
    use_stream(cmabi::make_stream<std::uint8_t>(store));
    bytes.writer.write(std::vector<std::uint8_t>{1});
    bytes.reader.read_in_place([](cmabi::list<std::uint8_t> elements) { return elements.size(); });
    bytes.writer.write_in_place([](std::uint8_t *, std::size_t) { return 1; });
    auto views = cmabi::make_stream<std::string_view>(store);
    views.reader.read(1, [](std::vector<std::string_view>) {});
    views.reader.cancel();

    using reader = cmabi::stream_reader<std::uint8_t>;
    const auto func = instance.func<reader(reader, cmabi::future_reader<std::string>, std::string)>("f");
    auto future = cmabi::make_future<std::string>(store);
    func(std::move(bytes.reader), std::move(future.reader), "");
    auto call = func.start({}, {}, "");
    call.cancel();
    call.then([](cmabi::subtask<reader> over) { over.get(); });
    linker.func("a:b/c", "later", [](cmabi::promise<reader> answer, cmabi::future_reader<void>) {
        answer.resolve(reader());
    });
    linker.func("a:b/c", "same", [](cmabi::error_context context) { return context.debug_message(); });
}

void use_wasi(cmabi::linker &linker) {
    linker.wasi();
    linker.wasi(cmabi::wasi().arg("a").env("b", "c").inherit_args().inherit_env().inherit_stdio());
    cmabi::wasi granted;
    granted.stdio_file(cmabi::wasi::stdin_stream, "f").stdin_bytes("b").dir("h", "g", cmabi::wasi::read_only);
    granted.stdin_from([](std::uint8_t *, std::size_t) { return std::size_t(0); });
    granted.stdin_from([](std::uint8_t *, std::size_t) { return std::optional<std::size_t>(); });
    granted.output_to(cmabi::wasi::stdout_stream, [](std::string_view) {});
    granted.output_to(cmabi::wasi::stderr_stream, [](std::string_view bytes) { return bytes.size(); });
    granted.network([](const cmabi::wasi::address &address, cmabi::wasi::network_use use) {
        return address.port == 80 && use == CMABI_WASI_NETWORK_USE_TCP_CONNECT;
    });
    granted.inherit_network().name_lookup(false).fixed_clocks(std::chrono::seconds(1)).random_seed(1);
    granted.max_resources(1).max_descriptors(1).max_buffer_bytes(4096).max_random_bytes(1).max_poll(1);
}

#ifdef __cpp_impl_coroutine
void use_coroutines(cmabi::linker &linker) {
    linker.func("a:b/c", "first",
                [](cmabi::stream_reader<std::string> in) -> cmabi::task<std::vector<std::string>> {
                    co_return co_await in.next(1);
                });
    linker.func("a:b/c", "value", [](cmabi::future_reader<std::string> in) -> cmabi::task<std::string> {
        co_return co_await in;
    });
    linker.func("a:b/c", "none", [](cmabi::future_reader<void> in) -> cmabi::task<void> { co_await in; });
    const auto send = [](cmabi::stream_writer<point> out, std::vector<point> points)
        -> cmabi::task<std::size_t> { co_return co_await out.send(std::move(points)); };
    send({}, {}).cancel();
}
#endif
