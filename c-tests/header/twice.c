#include <cmabi.h>
#include <cmabi.h>

typedef cmabi_status status_is_declared;
