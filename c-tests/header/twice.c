#include <cmabi.h>
#include <cmabi.h>

#include <cmabi_engine.h>
#include <cmabi_engine.h>

typedef cmabi_status status_is_declared;
