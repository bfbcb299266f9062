/* Nothing before the header, nothing beside it. */
#include <cmabi.h>
