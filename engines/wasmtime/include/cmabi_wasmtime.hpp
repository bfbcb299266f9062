/// The engine of cmabi_wasmtime.h as a class.
#pragma once

#include <cmabi.hpp>
#include <cmabi_wasmtime.h>

namespace cmabi {

/// An engine that compiles guests to native code.
class wasmtime_engine : public engine {
public:
    wasmtime_engine() : engine(make(nullptr)) {}
    explicit wasmtime_engine(const config &config) : engine(make(config.get())) {}

private:
    static cmabi_engine *make(const cmabi_config *config) {
        return detail::call_out<cmabi_engine *>(cmabi_wasmtime_engine_new, config);
    }
};

} // namespace cmabi
