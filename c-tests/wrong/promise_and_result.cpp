// expect: a host function that takes a cmabi::promise returns nothing
#include "prelude.hpp"
void wrong() { linker.func("a:b/c", "d", [](cmabi::promise<std::uint32_t>) -> std::uint32_t { return 1; }); }
