/* The least program: prints the version of the library and checks that the header has the same. */
#include <cmabi.h>
#include <stdio.h>

int main(void) {
    const cmabi_string version = cmabi_version_text();
    printf("cmabi %.*s\n", (int)version.len, version.ptr);
    return cmabi_version() >> 16 == CMABI_VERSION_MAJOR ? 0 : 1;
}
