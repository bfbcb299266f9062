// Macros of platforms are no names in the C header.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "macros.h"

#include <cmabi_engine.h>
