#include <cmabi.hpp>

#include <set>

struct blob {
    std::uint32_t size() const;
};
template <>
struct cmabi::resource<blob> {
    static constexpr auto name = "blob";
};
enum class color { red };
struct point {
    int x;
};
extern cmabi::linker linker;
extern cmabi::instance instance;
