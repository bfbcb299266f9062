// expect: the result is a view: give the call the arena to put it in
#include "prelude.hpp"
void wrong() { instance.func<std::string_view()>("f")(); }
