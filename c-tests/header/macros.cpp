// Macros of platforms, which their headers define before or after: none of them is a name in the headers.
#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>
#if __cplusplus >= 202002L
#include <coroutine>
#endif

#include "macros.h"
#define DELETE 1
#define VOID void
#define CONST const
#define unix 1
#define linux 1
#define major(x) ((x) >> 8)
#define minor(x) ((x) & 0xff)
#define signals public
#define slots
#define emit
#define foreach for

#include <cmabi.hpp>

int main() {
    cmabi::engine engine;
    cmabi::linker linker(engine);
    linker.func("a:b/c", "d", [](std::uint32_t x) { return x; });
}
