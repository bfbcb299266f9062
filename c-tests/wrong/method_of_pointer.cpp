// expect: a method is a member function, or a function whose first parameter is a T &, not a T *
#include "prelude.hpp"
void wrong() { linker.resource<blob>("a:b/c").method("size", [](blob *self) { return self->size(); }); }
