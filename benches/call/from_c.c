/* A call as a program in C makes it. The library is linked into the benchmark, so its function is handed in. */
#include <cmabi.h>

typedef cmabi_status (*func_call)(cmabi_store *, const cmabi_func *, const void *, void *, cmabi_arena *,
                                  cmabi_error **);

cmabi_status call_nothing(func_call call, cmabi_store *store, const cmabi_func *func);
cmabi_status call_add(func_call call, cmabi_store *store, const cmabi_func *func, uint32_t a, uint32_t b,
                      uint32_t *sum);

cmabi_status call_nothing(func_call call, cmabi_store *store, const cmabi_func *func) {
    return call(store, func, NULL, NULL, NULL, NULL);
}

cmabi_status call_add(func_call call, cmabi_store *store, const cmabi_func *func, uint32_t a, uint32_t b,
                      uint32_t *sum) {
    const struct {
        uint32_t a, b;
    } args = {a, b};
    return call(store, func, &args, sum, NULL, NULL);
}
