// Loads the demo's component, lets it call back, and calls everything that it exports. hello.c does
// the same in C, and prints the same.
//
//     hello-cpp app.wasm [crash]

#include <cmabi.hpp>

#include <array>
#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

// ---- The types of guest/app.wit -----------------------------------------------------------------

enum class level : std::uint8_t { debug, info, warning, error };

enum class handling : std::uint8_t { none = 0, fragile = 1, express = 2, gift_wrap = 4 };

handling operator|(handling a, handling b) {
    return handling(std::uint8_t(a) | std::uint8_t(b));
}

struct item {
    std::string name;
    std::uint32_t count;
    std::uint64_t price;
    ::handling handling;
};

using cash = std::uint64_t;
using card = std::string;
using shared = std::vector<std::tuple<std::string, std::uint64_t>>;
using payment = std::variant<cash, card, shared>;

struct order {
    std::string customer;
    std::vector<item> items;
    std::optional<std::string> note;
    ::payment payment;
};

struct receipt {
    std::uint32_t number;
    std::uint64_t total;
    ::handling handling;
    std::vector<std::string> lines;
    std::optional<std::uint64_t> change;
};

using empty_order = std::monostate;
using out_of_stock = std::tuple<std::string, std::uint32_t>;
using underpaid = std::uint64_t;
using refusal = std::variant<empty_order, out_of_stock, underpaid>;

template <>
struct cmabi::enumeration<level> {
    static constexpr std::array labels{"debug", "info", "warning", "error"};
};

template <>
struct cmabi::flags<handling> {
    static constexpr std::array labels{"fragile", "express", "gift-wrap"};
};

template <>
struct cmabi::record<item> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("name", &item::name), cmabi::field("count", &item::count),
        cmabi::field("price", &item::price), cmabi::field("handling", &item::handling));
};

template <>
struct cmabi::record<order> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("customer", &order::customer), cmabi::field("items", &order::items),
        cmabi::field("note", &order::note), cmabi::field("payment", &order::payment));
};

template <>
struct cmabi::record<receipt> {
    static constexpr auto fields = std::make_tuple(
        cmabi::field("number", &receipt::number), cmabi::field("total", &receipt::total),
        cmabi::field("handling", &receipt::handling), cmabi::field("lines", &receipt::lines),
        cmabi::field("change", &receipt::change));
};

// ---- What the guest imports ---------------------------------------------------------------------

void add_imports(cmabi::linker &linker) {
    linker.func("demo:app/log", "line", [](level level, std::string_view text) {
        std::cout << "  log: " << cmabi::enumeration<::level>::labels[std::size_t(level)] << ": "
                  << text << '\n';
    });

    const std::map<std::string, std::string, std::less<>> settings{
        {"greeting", "Good evening"}, {"stock.lamp", "2"}, {"currency", "EUR"}};
    linker.func("demo:app/settings", "get",
                [settings](std::string_view key) -> std::optional<std::string> {
                    const auto found = settings.find(key);
                    std::cout << "  settings: " << key << '\n';
                    if (found == settings.end()) {
                        return std::nullopt;
                    }
                    return found->second;
                });
}

// ---- What the guest exports ---------------------------------------------------------------------

void show(const receipt &receipt) {
    std::cout << "  -> receipt " << receipt.number << ", total " << receipt.total << " cents";
    if (receipt.change) {
        std::cout << ", change " << *receipt.change << " cents";
    }
    std::cout << '\n';
    for (const std::string &line : receipt.lines) {
        std::cout << "       " << line << '\n';
    }
    const auto &labels = cmabi::flags<handling>::labels;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if ((unsigned(receipt.handling) & 1U << i) != 0) {
            std::cout << "       handling: " << labels[i] << '\n';
        }
    }
}

void show(const refusal &refusal) {
    std::cout << "  -> refused: ";
    if (const auto *missing = std::get_if<out_of_stock>(&refusal)) {
        std::cout << "only " << std::get<1>(*missing) << " x " << std::get<0>(*missing)
                  << " in stock\n";
    } else if (const auto *cents = std::get_if<underpaid>(&refusal)) {
        std::cout << *cents << " cents are missing\n";
    } else {
        std::cout << "nothing was ordered\n";
    }
}

void call_functions(const cmabi::instance &instance) {
    const auto greet = instance.func<std::string(std::string_view)>("greet");
    std::cout << "greet(\"Ada\")\n";
    const std::string greeting = greet("Ada");
    std::cout << "  -> \"" << greeting << "\"\n";

    const auto sum = instance.func<std::uint64_t(std::vector<std::uint32_t>)>("sum");
    std::cout << "sum([1, 2, 4294967295])\n";
    std::cout << "  -> " << sum({1, 2, 4294967295}) << '\n';

    using pair = std::tuple<std::int32_t, std::int32_t>;
    const auto min_max = instance.func<std::optional<pair>(std::vector<std::int32_t>)>("min-max");
    std::cout << "min-max([3, -7, 12])\n";
    if (const auto found = min_max({3, -7, 12})) {
        std::cout << "  -> some(" << std::get<0>(*found) << ", " << std::get<1>(*found) << ")\n";
    }
    std::cout << "min-max([])\n";
    std::cout << (min_max({}) ? "  -> some\n" : "  -> none\n");

    using quotient = cmabi::expected<std::int32_t, std::string>;
    const auto divide = instance.func<quotient(std::int32_t, std::int32_t)>("divide");
    std::cout << "divide(7, 2)\n";
    std::cout << "  -> ok(" << divide(7, 2).value() << ")\n";
    std::cout << "divide(1, 0)\n";
    std::cout << "  -> error(\"" << divide(1, 0).error() << "\")\n";
}

void place_orders(const cmabi::instance &instance) {
    const auto place =
        instance.func<cmabi::expected<receipt, refusal>(order)>("demo:app/shop#place");
    const auto place_and_show = [&place](const order &order) {
        std::cout << "place an order of " << order.items.size() << " items\n";
        const auto outcome = place(order);
        outcome ? show(outcome.value()) : show(outcome.error());
    };

    order order;
    order.customer = "Ada";
    order.note = "leave it at the door";
    order.payment = cash(10000);
    order.items = {{"lamp", 1, 4250, handling::fragile | handling::gift_wrap},
                   {"bulb", 3, 399, handling::fragile}};
    place_and_show(order);

    order.note.reset();
    order.payment = shared{{"Ada", 2000}, {"Grace", 2000}};
    place_and_show(order);

    order.items[0].count = 3;
    order.payment = card("4711");
    place_and_show(order);

    order.items.clear();
    place_and_show(order);
}

// ---- The program --------------------------------------------------------------------------------

int main(int argc, char **argv) {
    try {
        if (argc < 2) {
            throw std::runtime_error("usage: hello-cpp app.wasm [crash]");
        }
        const cmabi::engine engine;
        const cmabi::component component(engine, argv[1]);
        cmabi::linker linker(engine);
        add_imports(linker);
        cmabi::store store(engine);
        const cmabi::instance instance = linker.instantiate(store, component);

        if (argc > 2 && std::string_view(argv[2]) == "crash") {
            instance.func<void()>("crash")();
        }
        call_functions(instance);
        place_orders(instance);
    } catch (const std::exception &error) {
        std::cerr << "hello-cpp: " << error.what() << '\n';
        return 1;
    }
}
