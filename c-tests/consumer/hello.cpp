// The least program: prints the version of the library and checks that the header has the same.
#include <cmabi.h>

#include <iostream>
#include <string_view>

int main() {
    const cmabi_string version = cmabi_version_text();
    std::cout << "cmabi " << std::string_view(version.ptr, version.len) << "\n";
    return cmabi_version() >> 16 == CMABI_VERSION_MAJOR ? 0 : 1;
}
