// expect: specialize cmabi::enumeration for `enum` or cmabi::flags for `flags`
#include "prelude.hpp"
void wrong() { instance.func<void(color)>("f"); }
