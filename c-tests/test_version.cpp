#include "support.hpp"

#include <string>

TEST_CASE("the library has the version of the header") {
    CHECK(cmabi_version() ==
          (CMABI_VERSION_MAJOR << 16 | CMABI_VERSION_MINOR << 8 | CMABI_VERSION_PATCH));
    CHECK(text(cmabi_version_text()) == std::to_string(CMABI_VERSION_MAJOR) + "." +
                                            std::to_string(CMABI_VERSION_MINOR) + "." +
                                            std::to_string(CMABI_VERSION_PATCH));
}

TEST_CASE("the status text names each status and survives others") {
    CHECK(text(cmabi_status_text(CMABI_STATUS_OK)) == "ok");
    CHECK(text(cmabi_status_text(CMABI_STATUS_TRAP)) == "the guest trapped");
    CHECK(text(cmabi_status_text(static_cast<cmabi_status>(99))) == "unknown status");
}

TEST_CASE("no error reads as no error") {
    CHECK(cmabi_error_status(nullptr) == CMABI_STATUS_OK);
    CHECK(text(cmabi_error_message(nullptr)) == "");
    CHECK(text(cmabi_error_path(nullptr)) == "");
    CHECK(cmabi_error_frame_count(nullptr) == 0);
    CHECK(text(cmabi_error_frame_text(nullptr, 0)) == "");
    cmabi_error_free(nullptr);
}
