/* Preloaded into a program, this makes its built-in engine wasmtime's: how the C suite and the examples, as
 * they are, run on the other engine. */
#include <cmabi_wasmtime.h>

cmabi_status cmabi_engine_new(const cmabi_config *config, cmabi_engine **engine, cmabi_error **error) {
    return cmabi_wasmtime_engine_new(config, engine, error);
}
