// expect: `const char *` stands for no WIT type; for `string` use std::string or std::string_view
#include "prelude.hpp"
void wrong() { linker.func("a:b/c", "d", [](const char *) {}); }
