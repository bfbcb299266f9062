// expect: a pointer stands for no WIT type; pass the value, std::optional<T> for `option<T>`
#include "prelude.hpp"
void wrong() { instance.func<void(std::uint32_t *)>("f"); }
