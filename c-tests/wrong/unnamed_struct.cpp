// expect: specialize cmabi::record for a `record`
#include "prelude.hpp"
void wrong() { instance.func<void(point)>("f"); }
