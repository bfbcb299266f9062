// Prints what happens in a store: `trace-print jobs.wasm`. See docs/tracing.md.
#include <cmabi.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print(void *data, const cmabi_trace_event *event) {
    static const char *const words[] = {"begins", "returns", "is cancelled", "traps",       "waits",
                                        "goes on", "has new", "gives up",    "has met a limit"};
    (void)data;
    printf("%.*s: ", (int)event->instance.len, event->instance.ptr);
    const char *word = (size_t)event->kind < sizeof words / sizeof *words ? words[event->kind] : "?";
    if (event->kind == CMABI_TRACE_KIND_HANDLE_NEW || event->kind == CMABI_TRACE_KIND_HANDLE_DROP) {
        printf("%s %.*s (handle %" PRIu32 ")", word, (int)event->name.len, event->name.ptr, event->handle);
    } else {
        printf("%.*s %s", (int)event->name.len, event->name.ptr, word);
    }
    if (event->detail.len > 0) {
        printf(": %.*s", (int)event->detail.len, event->detail.ptr);
    }
    putchar('\n');
}

// Sleeps no longer than it takes to say so.
static cmabi_status sleep_briefly(void *data, cmabi_task *task, const void *args, void *results) {
    (void)data, (void)task, (void)args, (void)results;
    return CMABI_STATUS_OK;
}

static cmabi_status digest(void *data, cmabi_task *task, const void *args, void *results) {
    const cmabi_string *text = args;
    (void)data, (void)task;
    *(cmabi_u64 *)results = text->len;
    return CMABI_STATUS_OK;
}

static int run(const char *file, cmabi_error **error) {
    cmabi_engine *engine = NULL;
    cmabi_config *config = NULL;
    cmabi_component *component = NULL;
    cmabi_linker *linker = NULL;
    cmabi_store *store = NULL;
    cmabi_instance *instance = NULL;
    const cmabi_func *func = NULL;
    const cmabi_string host = CMABI_STR("demo:jobs/host");
    struct {
        cmabi_string text;
        uint32_t rounds, pause;
    } args = {CMABI_STR("text"), 2, 10};
    cmabi_u64 sum = 0;

    const int failed =
        cmabi_engine_new(NULL, &engine, error) || cmabi_config_new(&config, error) ||
        cmabi_config_set_on_trace(config, print, NULL, NULL, error) ||
        cmabi_component_load_file(engine, (cmabi_string){file, strlen(file)}, &component, error) ||
        cmabi_linker_new(engine, &linker, error) ||
        cmabi_linker_wit_func(linker, host, CMABI_STR("sleep"), CMABI_STR("async func(ms: u32)"), sizeof(uint32_t), 0,
                              sleep_briefly, NULL, NULL, error) ||
        cmabi_linker_wit_func(linker, host, CMABI_STR("digest"), CMABI_STR("async func(text: string) -> u64"),
                              sizeof(cmabi_string), sizeof sum, digest, NULL, NULL, error) ||
        cmabi_store_new(engine, config, &store, error) ||
        cmabi_linker_instantiate(linker, store, component, &instance, error) ||
        cmabi_instance_set_label(store, instance, CMABI_STR("jobs"), error) ||
        cmabi_instance_func(instance, CMABI_STR("run"), &func, error) ||
        cmabi_func_call(store, func, &args, &sum, NULL, error);
    if (!failed) {
        printf("the sum is %" PRIu64 "\n", (uint64_t)sum);
    }
    cmabi_instance_free(instance);
    cmabi_store_free(store);
    cmabi_linker_free(linker);
    cmabi_component_free(component);
    cmabi_config_free(config);
    cmabi_engine_free(engine);
    return failed;
}

int main(int argc, char **argv) {
    cmabi_error *error = NULL;
    if (argc != 2) {
        fputs("usage: trace-print jobs.wasm\n", stderr);
        return 2;
    }
    if (!run(argv[1], &error)) {
        return 0;
    }
    const cmabi_string message = cmabi_error_message(error);
    fprintf(stderr, "trace-print: %.*s\n", (int)message.len, message.ptr);
    cmabi_error_free(error);
    return 1;
}
