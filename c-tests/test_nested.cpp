// Everything in everything: more than fits into 16 flat values, by way of memory in both directions.
#include "echo.hpp"

TEST_CASE("a record with one of each comes back as it was") {
    const echo::Echo echo;
    CHECK(echo("one-all", echo::sample()) == echo::sample());
}

TEST_CASE("a list of them, each with another variant") {
    const echo::Echo echo;
    std::vector<echo::all> sent(5, echo::sample());
    sent[1].shape = std::monostate();
    sent[1].option = std::nullopt;
    sent[2].shape = std::string("a string");
    sent[2].option = std::optional<std::optional<std::uint32_t>>(std::optional<std::uint32_t>(7));
    sent[2].result = std::string("fine");
    sent[3].shape = std::optional<std::uint64_t>();
    sent[3].numbers.clear();
    sent[4].text = std::string(10000, 'x');
    CHECK(echo("alls", sent) == sent);
}

TEST_CASE("strings of lists of tuples") {
    using tuple = std::tuple<std::uint16_t, std::uint32_t, std::string, std::vector<std::string>>;
    const echo::Echo echo;
    std::vector<tuple> sent;
    for (std::uint16_t i = 0; i < 100; ++i) {
        const std::string text = "string number " + std::to_string(i);
        sent.emplace_back(i, i * i, text, std::vector<std::string>(i % 5, text));
    }
    CHECK(echo("texts", sent) == sent);
}
