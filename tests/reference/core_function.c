/* A guest's core function whose code is in Python.
 *
 * The library leaves the stack of a core function that blocks, and comes back later. Python does not
 * survive that, so none of it may be on such a stack: this loop asks for the next call that the
 * function makes, and makes it when Python has returned. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Arguments are integers and pointers, which the calling conventions of 64-bit machines pass alike,
 * and they let a function have more of them than it takes. */
typedef uint32_t (*callee)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct step {
    callee call; /* NULL where the function is over: */
    uint32_t status;
    uint64_t args[8];
};

struct core_function {
    uint64_t number;
    /* Begins an activation of the function. */
    uint64_t (*enter)(uint64_t number, const uint64_t *args);
    /* Gets the status of the last call, and says the next one, or a status and the result. */
    void (*next)(uint64_t activation, uint32_t status, struct step *step);
    bool has_result;
};

uint32_t core_function_call(void *data, void *store, const uint64_t *args, uint64_t *results)
{
    (void)store;
    const struct core_function *function = data;
    const uint64_t activation = function->enter(function->number, args);
    struct step step = {0};
    function->next(activation, 0, &step);
    while (step.call) {
        const uint64_t *a = step.args;
        const uint32_t status = step.call(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
        function->next(activation, status, &step);
    }
    if (function->has_result) {
        *results = step.args[0];
    }
    return step.status;
}

struct memory {
    uint8_t *bytes;
    size_t len;
};

uint8_t *core_memory_data(void *data, size_t *len)
{
    const struct memory *memory = data;
    *len = memory->len;
    return memory->bytes;
}
