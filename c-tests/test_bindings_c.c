/* Code that is generated in C for guests/echo.wat: values come back as they went, and mistakes are said. */
#include "echoes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                         \
    do {                                                                                         \
        if (!(condition)) {                                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
            exit(1);                                                                             \
        }                                                                                        \
    } while (0)

static bool same(cmabi_string a, const char *b) {
    return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}

static echoes_all sample(uint32_t number) {
    static const uint32_t numbers[] = {1, 2, 3};
    static const echoes_point points[] = {{1, 2}, {3, 4}};
    echoes_all value = {.flag = true, .s8 = -8, .u16 = 0xff16, .u32 = number, .s64 = -64000000000,
                        .f64 = 64.25, .letter = 0x1f30d, .text = CMABI_STR("text"),
                        .numbers = {numbers, 3}, .pair = {CMABI_STR("pair"), 9},
                        .color = ECHOES_COLOR_BLUE, .small = ECHOES_SMALL_A | ECHOES_SMALL_CCC};
    value.shape.tag = ECHOES_SHAPE_MANY;
    value.shape.val.many = (echoes_list_point){points, 2};
    value.option.is_some = true;
    value.result.is_err = true;
    value.result.val.err = 404;
    return value;
}

static void check_sample(const echoes_all *value, uint32_t number) {
    CHECK(value->flag && value->s8 == -8 && value->u16 == 0xff16 && value->u32 == number);
    CHECK(value->s64 == -64000000000 && value->f64 == 64.25 && value->letter == 0x1f30d);
    CHECK(same(value->text, "text") && value->numbers.len == 3 && value->numbers.ptr[2] == 3);
    CHECK(same(value->pair.f0, "pair") && value->pair.f1 == 9);
    CHECK(value->shape.tag == ECHOES_SHAPE_MANY && value->shape.val.many.len == 2);
    CHECK(value->shape.val.many.ptr[1].y == 4);
    CHECK(value->color == ECHOES_COLOR_BLUE && value->small == (ECHOES_SMALL_A | ECHOES_SMALL_CCC));
    CHECK(value->option.is_some && !value->option.val.is_some);
    CHECK(value->result.is_err && value->result.val.err == 404);
}

/* What the host has: how often it was called, its data's end, and the call that it answers later. */
typedef struct host {
    size_t seen;
    int dropped;
    bool later;
    cmabi_task *task;
} host;

static void drop(void *data) { ++((host *)data)->dropped; }

static cmabi_status on_through(void *data, cmabi_task *task, echoes_list_all values, echoes_list_all *result) {
    ((host *)data)->seen += values.len;
    if (((host *)data)->later) {
        ((host *)data)->task = task;
        return CMABI_STATUS_PENDING;
    }
    *result = values;
    return CMABI_STATUS_OK;
}

static cmabi_status on_poke(void *data, cmabi_task *task) {
    (void)data;
    cmabi_task_set_error(task, CMABI_STR("poked"), NULL);
    return CMABI_STATUS_HOST;
}

/* Where the error is, for the call that writes it may come after the other arguments. */
static void fails(cmabi_status status, cmabi_status expected, cmabi_error **error, const char *part) {
    CHECK(status == expected);
    const cmabi_string message = cmabi_error_message(*error);
    char text[4096] = {0};
    memcpy(text, message.ptr, message.len < sizeof text ? message.len : sizeof text - 1);
    if (strstr(text, part) == NULL) fprintf(stderr, "%s\n", text);
    CHECK(strstr(text, part) != NULL);
    cmabi_error_free(*error);
    *error = NULL;
}

static cmabi_component *load(const cmabi_engine *engine, const char *name) {
    char path[512];
    const int len = snprintf(path, sizeof path, "%s/%s", GUEST_DIR, name);
    cmabi_component *component = NULL;
    CHECK(cmabi_component_load_file(engine, (cmabi_string){path, (size_t)len}, &component, NULL) == 0);
    return component;
}

static void check_starts(echoes *guest, host *host) {
    cmabi_error *error = NULL;
    cmabi_subtask *call = NULL;
    const echoes_all one = sample(1), two[] = {sample(2), sample(3)};
    const echoes_list_all answer = {two, 2};
    const echoes_through_args args = {{&one, 1}};
    host->later = true;
    CHECK(echoes_through_start(guest, &args, NULL, NULL, NULL, &call, &error) == CMABI_STATUS_OK);
    CHECK(host->task != NULL && echoes_through_results(call) == NULL);
    CHECK(echoes_through_return(host->task, &answer, &error) == CMABI_STATUS_OK);
    cmabi_task_free(host->task);
    CHECK(cmabi_store_run(guest->store, &error) == CMABI_STATUS_OK);
    const echoes_list_all *back = echoes_through_results(call);
    CHECK(back != NULL && back->len == 2);
    check_sample(&back->ptr[1], 3);
    cmabi_subtask_free(call);
    *host = (struct host){.dropped = host->dropped};
}

static void check_calls(echoes *guest, cmabi_arena *arena, const host *host) {
    cmabi_error *error = NULL;
    const echoes_all one = sample(1), two[] = {sample(1), sample(2)};
    echoes_all back;
    CHECK(echoes_one_all(guest, &one, arena, &back, &error) == CMABI_STATUS_OK);
    check_sample(&back, 1);
    echoes_list_all many;
    CHECK(echoes_through(guest, (echoes_list_all){two, 2}, arena, &many, &error) == CMABI_STATUS_OK);
    CHECK(many.len == 2 && host->seen == 2);
    check_sample(&many.ptr[1], 2);
    echoes_tuple2_string_string pair;
    CHECK(echoes_two_strings(guest, CMABI_STR("a"), CMABI_STR("b"), arena, &pair, &error) == 0);
    CHECK(same(pair.f0, "a") && same(pair.f1, "b"));
    echoes_color wrong;
    fails(echoes_one_color(guest, 3, &wrong, &error), CMABI_STATUS_INVALID_ARGUMENT, &error, "v");
    /* The guest traps with that, and is not to be called again. */
    fails(echoes_poke(guest, &error), CMABI_STATUS_HOST, &error, "poked");
}

int main(void) {
    cmabi_engine *engine = NULL;
    cmabi_linker *linker = NULL, *other = NULL;
    cmabi_store *store = NULL;
    cmabi_arena *arena = NULL;
    cmabi_error *error = NULL;
    host host = {0};
    CHECK(cmabi_engine_new(NULL, &engine, NULL) == 0 && cmabi_linker_new(engine, &linker, NULL) == 0);
    CHECK(cmabi_linker_new(engine, &other, NULL) == 0 && cmabi_store_new(engine, NULL, &store, NULL) == 0);
    CHECK(cmabi_arena_new(0, &arena, NULL) == 0);
    cmabi_component *component = load(engine, "echo.wasm"), *greeter = load(engine, "greet.wasm");

    /* What is missing is named, and the data is dropped. */
    echoes_root_host root = {.data = &host, .drop = drop, .through = on_through};
    const echoes_imports imports = {&root};
    fails(echoes_add_to_linker(other, &imports, &error), CMABI_STATUS_INVALID_ARGUMENT, &error,
          "the host has no function for poke");
    CHECK(host.dropped == 1);
    root.poke = on_poke;
    CHECK(echoes_add_to_linker(linker, &imports, &error) == CMABI_STATUS_OK && error == NULL);
    /* Twice is once too often. */
    fails(echoes_add_to_linker(linker, &imports, &error), CMABI_STATUS_INVALID_ARGUMENT, &error, "through");
    CHECK(host.dropped == 2);
    const echoes_imports none = {NULL};
    CHECK(echoes_add_to_linker(other, &none, &error) == CMABI_STATUS_OK);

    echoes guest = {0};
    fails(echoes_instantiate(&guest, other, store, greeter, &error), CMABI_STATUS_TYPE_MISMATCH, &error,
          "exports do not fit:\n  bool: missing, expected func(v: bool) -> bool\n");
    CHECK(guest.instance == NULL);
    CHECK(echoes_instantiate(&guest, linker, store, component, &error) == CMABI_STATUS_OK);
    check_starts(&guest, &host);
    check_calls(&guest, arena, &host);

    echoes_free(&guest);
    cmabi_component_free(component);
    cmabi_component_free(greeter);
    cmabi_arena_free(arena);
    cmabi_linker_free(linker);
    cmabi_linker_free(other);
    CHECK(host.dropped == 2);
    cmabi_store_free(store);
    CHECK(host.dropped == 3);
    cmabi_engine_free(engine);
    return 0;
}
