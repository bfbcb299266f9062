// expect: a set stands for no WIT type; for `list<T>` use std::vector<T>
#include "prelude.hpp"
void wrong() { instance.func<void(std::set<std::uint32_t>)>("f"); }
