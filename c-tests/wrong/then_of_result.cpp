// expect: the function of then() takes the cmabi::subtask<R> that is over
#include "prelude.hpp"
void wrong() { instance.func<std::uint32_t()>("f").start().then([](std::uint32_t) {}); }
