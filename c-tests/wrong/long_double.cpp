// expect: this character or number type stands for no WIT type; use char32_t for `char`
#include "prelude.hpp"
void wrong() { instance.func<void(long double)>("f"); }
