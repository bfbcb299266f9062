// Loads the demo's component, lets it call back, and calls everything that it exports. hello.c does
// the same in C, and prints the same.
//
//     hello-cpp app.wasm [crash]

#include "app.hpp" // generated from guest/app.wit

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

using demo::app::app;
using demo::app::log::level;
using namespace exports::demo::app::shop;

// ---- What the guest imports ---------------------------------------------------------------------

struct logger {
    void line(level level, std::string_view text) {
        std::cout << "  log: " << cmabi::enumeration<::level>::labels[std::size_t(level)] << ": "
                  << text << '\n';
    }
};

struct settings {
    std::map<std::string, std::string, std::less<>> known{
        {"greeting", "Good evening"}, {"stock.lamp", "2"}, {"currency", "EUR"}};

    std::optional<std::string> get(std::string_view key) {
        std::cout << "  settings: " << key << '\n';
        const auto found = known.find(key);
        if (found == known.end()) return std::nullopt;
        return found->second;
    }
};

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
    if (const auto *missing = std::get_if<refusal_case::out_of_stock>(&refusal)) {
        std::cout << "only " << std::get<1>(*missing) << " x " << std::get<0>(*missing)
                  << " in stock\n";
    } else if (const auto *cents = std::get_if<refusal_case::underpaid>(&refusal)) {
        std::cout << *cents << " cents are missing\n";
    } else {
        std::cout << "nothing was ordered\n";
    }
}

void call_functions(const app &app) {
    std::cout << "greet(\"Ada\")\n";
    const std::string greeting = app.greet("Ada");
    std::cout << "  -> \"" << greeting << "\"\n";

    std::cout << "sum([1, 2, 4294967295])\n";
    std::cout << "  -> " << app.sum({1, 2, 4294967295}) << '\n';

    std::cout << "min-max([3, -7, 12])\n";
    if (const auto found = app.min_max({3, -7, 12})) {
        std::cout << "  -> some(" << std::get<0>(*found) << ", " << std::get<1>(*found) << ")\n";
    }
    std::cout << "min-max([])\n";
    std::cout << (app.min_max({}) ? "  -> some\n" : "  -> none\n");

    std::cout << "divide(7, 2)\n";
    std::cout << "  -> ok(" << app.divide(7, 2).value() << ")\n";
    std::cout << "divide(1, 0)\n";
    std::cout << "  -> error(\"" << app.divide(1, 0).error() << "\")\n";
}

void place_orders(const functions &shop) {
    const auto place_and_show = [&shop](const order &order) {
        std::cout << "place an order of " << order.items.size() << " items\n";
        const auto outcome = shop.place(order);
        outcome ? show(outcome.value()) : show(outcome.error());
    };

    order order;
    order.customer = "Ada";
    order.note = "leave it at the door";
    order.payment = std::uint64_t{10000}; // cash
    order.items = {{"lamp", 1, 4250, handling::fragile | handling::gift_wrap},
                   {"bulb", 3, 399, handling::fragile}};
    place_and_show(order);

    order.note.reset();
    order.payment = std::vector<std::tuple<std::string, std::uint64_t>>{{"Ada", 2000}, {"Grace", 2000}};
    place_and_show(order);

    order.items[0].count = 3;
    order.payment.emplace<payment_case::card>("4711");
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
        logger log;
        settings settings;
        app::add_to_linker(linker, log, settings);
        cmabi::store store(engine);
        const app app(linker, store, component);

        if (argc > 2 && std::string_view(argv[2]) == "crash") app.crash();
        call_functions(app);
        place_orders(app.shop());
    } catch (const std::exception &error) {
        std::cerr << "hello-cpp: " << error.what() << '\n';
        return 1;
    }
}
