/* The program of the README: loads a component, calls its function `greet`, and prints the answer. */
#include <cmabi.h>
#include <stdio.h>

int main(void) {
    cmabi_engine *engine = NULL;
    cmabi_component *component = NULL;
    cmabi_store *store = NULL;
    cmabi_linker *linker = NULL;
    cmabi_instance *instance = NULL;
    cmabi_arena *arena = NULL;
    const cmabi_func *greet = NULL;
    cmabi_error *error = NULL;

    const cmabi_string args = CMABI_STR("Ada"); /* a struct, if there were more parameters */
    cmabi_string greeting;
    if (cmabi_engine_new(NULL, &engine, &error) ||
        cmabi_component_load_file(engine, CMABI_STR("greet.wasm"), &component, &error) ||
        cmabi_store_new(engine, NULL, &store, &error) || cmabi_linker_new(engine, &linker, &error) ||
        cmabi_linker_instantiate(linker, store, component, &instance, &error) ||
        cmabi_arena_new(0, &arena, &error) ||
        cmabi_instance_func(instance, CMABI_STR("greet"), &greet, &error) ||
        cmabi_func_call(store, greet, &args, &greeting, arena, &error)) {
        const cmabi_string message = cmabi_error_message(error);
        fprintf(stderr, "%.*s\n", (int)message.len, message.ptr);
    } else {
        printf("%.*s\n", (int)greeting.len, greeting.ptr); /* Hello, Ada! */
    }

    const int failed = error != NULL;
    cmabi_error_free(error);
    cmabi_arena_free(arena);
    cmabi_instance_free(instance);
    cmabi_linker_free(linker);
    cmabi_store_free(store);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
    return failed;
}
