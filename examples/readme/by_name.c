/* The program of the README without generated code: functions are found by their names, and their types are checked when
 * they are. docs/porting-wasmtime.md has it beside the same for wasmtime. */
#include <cmabi.h>

#include <stdio.h>

typedef struct {
    cmabi_string name;
    uint32_t visits;
} person;

static cmabi_status on_log(void *data, cmabi_task *task, const void *args, void *result) {
    (void)data, (void)task, (void)result;
    const cmabi_string *text = args;
    printf("log: %.*s\n", (int)text->len, text->ptr);
    return CMABI_STATUS_OK;
}

static cmabi_status greet(const cmabi_engine *engine, cmabi_store *store, cmabi_arena *arena, cmabi_error **error) {
    cmabi_linker *linker = NULL;
    cmabi_component *component = NULL;
    cmabi_instance *instance = NULL;
    const cmabi_func *func = NULL;
    const person ada = {CMABI_STR("Ada"), 3};
    cmabi_string text;
    cmabi_status status;
    (void)((status = cmabi_linker_new(engine, &linker, error)) ||
           (status = cmabi_linker_wit_func(linker, CMABI_STR(""), CMABI_STR("log"), CMABI_STR("func(text: string)"),
                                           sizeof(cmabi_string), 0, on_log, NULL, NULL, error)) ||
           (status = cmabi_component_load_file(engine, CMABI_STR("greeter.wasm"), &component, error)) ||
           (status = cmabi_linker_instantiate(linker, store, component, &instance, error)) ||
           (status = cmabi_instance_func(instance, CMABI_STR("greet"), &func, error)) ||
           (status = cmabi_func_check(func, sizeof ada, sizeof text, error)) ||
           (status = cmabi_func_call(store, func, &ada, &text, arena, error)));
    if (status == CMABI_STATUS_OK) printf("%.*s\n", (int)text.len, text.ptr); /* Welcome back, Ada! */
    cmabi_instance_free(instance);
    cmabi_component_free(component);
    cmabi_linker_free(linker);
    return status;
}

int main(void) {
    cmabi_engine *engine = NULL;
    cmabi_store *store = NULL;
    cmabi_arena *arena = NULL;
    cmabi_error *error = NULL;
    if (cmabi_engine_new(NULL, &engine, &error) || cmabi_store_new(engine, NULL, &store, &error) ||
        cmabi_arena_new(0, &arena, &error) || greet(engine, store, arena, &error)) {
        const cmabi_string message = cmabi_error_message(error);
        fprintf(stderr, "%.*s\n", (int)message.len, message.ptr);
    }
    const int failed = error != NULL;
    cmabi_error_free(error);
    cmabi_arena_free(arena);
    cmabi_store_free(store);
    cmabi_engine_free(engine);
    return failed;
}
