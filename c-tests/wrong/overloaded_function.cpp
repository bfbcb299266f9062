// expect: FunctionWithOneSignature
#include "prelude.hpp"
void f(std::uint32_t);
void f(std::string);
void wrong() { linker.func("a:b/c", "d", f); }
