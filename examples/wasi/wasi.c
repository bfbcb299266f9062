/* Runs a program for WASI: a component that exports `wasi:cli/run`, with the arguments after its name. It may use
 * the standard streams and read the current folder, and nothing else. */
#include <cmabi.h>
#include <stdio.h>
#include <string.h>

/* What is granted. */
static cmabi_status grant(cmabi_linker *linker, int argc, char **argv, cmabi_error **error) {
    cmabi_wasi_config *config = NULL;
    cmabi_status status = cmabi_wasi_config_new(&config, error);
    for (int i = 1; i < argc && !status; i++) {
        const cmabi_string arg = {argv[i], strlen(argv[i])};
        status = cmabi_wasi_config_add_arg(config, arg, error);
    }
    if (!status) status = cmabi_wasi_config_inherit_stdio(config, CMABI_WASI_STDIO_STDIN, error);
    if (!status) status = cmabi_wasi_config_inherit_stdio(config, CMABI_WASI_STDIO_STDOUT, error);
    if (!status) status = cmabi_wasi_config_inherit_stdio(config, CMABI_WASI_STDIO_STDERR, error);
    if (!status) status = cmabi_wasi_config_add_dir(config, CMABI_STR("."), CMABI_STR("."),
                                                    CMABI_WASI_RIGHTS_READ_ONLY, error);
    if (!status) status = cmabi_linker_wasi(linker, config, error);
    cmabi_wasi_config_free(config);
    return status;
}

int main(int argc, char **argv) {
    cmabi_engine *engine = NULL;
    cmabi_component *component = NULL;
    cmabi_store *store = NULL;
    cmabi_linker *linker = NULL;
    cmabi_instance *instance = NULL;
    const cmabi_func *run = NULL;
    cmabi_error *error = NULL;
    int exit_code = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: wasi-c PROGRAM.wasm [ARGS...]\n");
        return 2;
    }
    const cmabi_string file = {argv[1], strlen(argv[1])};

    struct { uint8_t is_err; } result = {0}; /* run: func() -> result */
    if (cmabi_engine_new(NULL, &engine, &error) ||
        cmabi_component_load_file(engine, file, &component, &error) ||
        cmabi_store_new(engine, NULL, &store, &error) || cmabi_linker_new(engine, &linker, &error) ||
        grant(linker, argc, argv, &error) ||
        cmabi_linker_instantiate(linker, store, component, &instance, &error) ||
        cmabi_instance_func(instance, CMABI_STR("wasi:cli/run@0.2.12#run"), &run, &error) ||
        cmabi_func_call(store, run, NULL, &result, NULL, &error)) {
        exit_code = cmabi_error_exit_code(error); /* the program has called exit */
        if (exit_code < 0) {
            const cmabi_string message = cmabi_error_message(error);
            fprintf(stderr, "wasi-c: %.*s\n", (int)message.len, message.ptr);
            exit_code = 1;
        }
    } else {
        exit_code = result.is_err;
    }

    cmabi_error_free(error);
    cmabi_instance_free(instance);
    cmabi_linker_free(linker);
    cmabi_store_free(store);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
    return exit_code;
}
