#include "memory.hpp"

#include <limits>

// The number with these bits, and back: comparing bits tells zeros and NaNs apart.
template <class To, class From>
static To bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "as many bits");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}

// These bits survive lowering, lifting, storing and loading; the core value is the bits.
template <class Float, class Bits>
static void check_bits(Bits expected) {
    const Type type = scalar<Float>();
    const Float value = bits<Float>(expected);
    Memory memory;
    CHECK(memory.lower(type, value) == Words{expected});
    CHECK(bits<Bits>(memory.lift<Float>(type, {expected})) == expected);
    CHECK(bits<Bits>(memory.heap_trip(type, value)) == expected);
}

template <class Float, class Bits>
static void check_numbers() {
    using limits = std::numeric_limits<Float>;
    for (const Float number :
         {Float(0), Float(1), Float(42.5), limits::min(), limits::max(), limits::epsilon(),
          limits::denorm_min(), limits::infinity()}) {
        check_bits<Float>(bits<Bits>(number));
        check_bits<Float>(bits<Bits>(-number)); // also -0
    }
}

TEST_CASE("floats survive lowering and lifting: bounds, subnormals, infinities, zeros") {
    check_numbers<float, std::uint32_t>();
    check_numbers<double, std::uint64_t>();
}

// The specification lets an implementation keep the payload of a NaN or not; this library keeps it, so
// that floats need no look at each of them.
TEST_CASE("NaNs keep their bits") {
    for (const std::uint32_t nan : {0x7fc00000U, 0x7fc00001U, 0x7fe00000U, 0x7fffffffU, 0xffffffffU,
                                    0x7f800001U, 0xffc00000U}) {
        check_bits<float>(nan);
    }
    for (const std::uint64_t nan : {0x7ff8000000000000U, 0x7ff8000000000001U, 0x7ffc000000000000U,
                                    0x7fffffffffffffffU, 0xffffffffffffffffU, 0x7ff0000000000001U}) {
        check_bits<double>(nan);
    }
}

TEST_CASE("numbers beside the NaNs are none") {
    check_bits<float>(0x7f800000U); // infinity
    check_bits<float>(0x3fc00000U); // 1.5
    check_bits<double>(std::uint64_t(0x7ff0000000000000));
    check_bits<double>(std::uint64_t(0x3ff0000000000000));
}

TEST_CASE("an f32 is the low half of its word") {
    Memory memory;
    CHECK(memory.lift<float>(scalar<float>(), {0xffffffff3fc00000}) == 1.5F);
}

TEST_CASE("tuples and lists of floats survive") {
    struct Pair {
        float f0;
        double f1;
    };
    Memory memory;
    const Type pair = tuple({scalar<float>(), scalar<double>()});
    const Words flat = memory.lower(pair, Pair{42, 43});
    CHECK(flat == Words{bits<std::uint32_t>(42.0F), bits<std::uint64_t>(43.0)});
    const Pair lifted = memory.lift<Pair>(pair, flat);
    CHECK(lifted.f0 == 42);
    CHECK(lifted.f1 == 43);

    const std::vector<float> floats{42, 43, -0.5F};
    CHECK(elements(memory.flat_trip(list_of(scalar<float>()), list(floats))) == floats);
    const std::vector<double> doubles{42, 43, -0.5};
    CHECK(elements(memory.flat_trip(list_of(scalar<double>()), list(doubles))) == doubles);
}
