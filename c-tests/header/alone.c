/* Nothing before the header, nothing beside it. */
#include <cmabi_engine.h>
