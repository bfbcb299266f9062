// Macros of platforms are no names in the C header.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define interface struct
#define small char
#define near
#define far
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define IN
#define OUT
#define OPTIONAL
#define ERROR 0

#include <cmabi.h>
