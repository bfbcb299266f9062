// expect: a host function needs one signature
#include "prelude.hpp"
void wrong() { linker.func("a:b/c", "d", [](auto x) { return x; }); }
