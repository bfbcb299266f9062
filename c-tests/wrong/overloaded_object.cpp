// expect: a host function needs one signature
#include "prelude.hpp"
struct both {
    void operator()(std::uint32_t);
    void operator()(std::string);
};
void wrong() { linker.func("a:b/c", "d", both()); }
