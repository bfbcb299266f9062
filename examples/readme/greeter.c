/* The program of the README: loads a component, lets it call back, calls its function `greet`, and
 * prints the answer. */
#include "greeter.h" /* generated from greeter.wit */

#include <stdio.h>

static cmabi_status on_log(void *data, cmabi_task *task, cmabi_string text) {
    (void)data, (void)task;
    printf("log: %.*s\n", (int)text.len, text.ptr);
    return CMABI_STATUS_OK;
}

int main(void) {
    cmabi_engine *engine = NULL;
    cmabi_component *component = NULL;
    cmabi_store *store = NULL;
    cmabi_linker *linker = NULL;
    cmabi_arena *arena = NULL;
    greeter guest = {0};
    cmabi_error *error = NULL;

    const greeter_root_host host = {.log = on_log};
    const greeter_imports imports = {&host};
    const greeter_person ada = {CMABI_STR("Ada"), 3};
    cmabi_string text;
    if (cmabi_engine_new(NULL, &engine, &error) ||
        cmabi_component_load_file(engine, CMABI_STR("greeter.wasm"), &component, &error) ||
        cmabi_linker_new(engine, &linker, &error) || greeter_add_to_linker(linker, &imports, &error) ||
        cmabi_store_new(engine, NULL, &store, &error) || cmabi_arena_new(0, &arena, &error) ||
        greeter_instantiate(&guest, linker, store, component, &error) ||
        greeter_greet(&guest, &ada, arena, &text, &error)) {
        const cmabi_string message = cmabi_error_message(error);
        fprintf(stderr, "%.*s\n", (int)message.len, message.ptr);
    } else {
        printf("%.*s\n", (int)text.len, text.ptr); /* Welcome back, Ada! */
    }

    /* NULL may be freed, too. */
    const int failed = error != NULL;
    cmabi_error_free(error);
    greeter_free(&guest);
    cmabi_arena_free(arena);
    cmabi_linker_free(linker);
    cmabi_store_free(store);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
    return failed;
}
