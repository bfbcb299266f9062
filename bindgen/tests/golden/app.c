/* Written by cmabi bindgen 0.2.0 from `app.wit`, world `app`. Do not edit. */
#include "app.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The layout that the canonical ABI asks for. */
_Static_assert(sizeof(demo_app_log_level) == 1, "size");
_Static_assert(_Alignof(demo_app_log_level) == 1, "alignment");
_Static_assert(sizeof(app_option_string) == (sizeof(void *) == 8 ? 24 : 12), "size");
_Static_assert(_Alignof(app_option_string) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(sizeof(exports_demo_app_shop_handling) == 1, "size");
_Static_assert(_Alignof(exports_demo_app_shop_handling) == 1, "alignment");
_Static_assert(sizeof(exports_demo_app_shop_item) == (sizeof(void *) == 8 ? 40 : 32), "size");
_Static_assert(_Alignof(exports_demo_app_shop_item) == 8, "alignment");
_Static_assert(offsetof(exports_demo_app_shop_item, name) == 0, "offset");
_Static_assert(offsetof(exports_demo_app_shop_item, count) == (sizeof(void *) == 8 ? 16 : 8), "offset");
_Static_assert(offsetof(exports_demo_app_shop_item, price) == (sizeof(void *) == 8 ? 24 : 16), "offset");
_Static_assert(offsetof(exports_demo_app_shop_item, handling) == (sizeof(void *) == 8 ? 32 : 24), "offset");
_Static_assert(sizeof(app_tuple2_string_u64) == (sizeof(void *) == 8 ? 24 : 16), "size");
_Static_assert(_Alignof(app_tuple2_string_u64) == 8, "alignment");
_Static_assert(offsetof(app_tuple2_string_u64, f0) == 0, "offset");
_Static_assert(offsetof(app_tuple2_string_u64, f1) == (sizeof(void *) == 8 ? 16 : 8), "offset");
_Static_assert(sizeof(app_list_tuple2_string_u64) == (sizeof(void *) == 8 ? 16 : 8), "size");
_Static_assert(_Alignof(app_list_tuple2_string_u64) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(sizeof(exports_demo_app_shop_payment) == (sizeof(void *) == 8 ? 24 : 16), "size");
_Static_assert(_Alignof(exports_demo_app_shop_payment) == 8, "alignment");
_Static_assert(offsetof(exports_demo_app_shop_payment, val) == 8, "offset");
_Static_assert(sizeof(exports_demo_app_shop_list_item) == (sizeof(void *) == 8 ? 16 : 8), "size");
_Static_assert(_Alignof(exports_demo_app_shop_list_item) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(sizeof(exports_demo_app_shop_order) == (sizeof(void *) == 8 ? 80 : 48), "size");
_Static_assert(_Alignof(exports_demo_app_shop_order) == 8, "alignment");
_Static_assert(offsetof(exports_demo_app_shop_order, customer) == 0, "offset");
_Static_assert(offsetof(exports_demo_app_shop_order, items) == (sizeof(void *) == 8 ? 16 : 8), "offset");
_Static_assert(offsetof(exports_demo_app_shop_order, note) == (sizeof(void *) == 8 ? 32 : 16), "offset");
_Static_assert(offsetof(exports_demo_app_shop_order, payment) == (sizeof(void *) == 8 ? 56 : 32), "offset");
_Static_assert(sizeof(app_list_string) == (sizeof(void *) == 8 ? 16 : 8), "size");
_Static_assert(_Alignof(app_list_string) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(sizeof(app_option_u64) == 16, "size");
_Static_assert(_Alignof(app_option_u64) == 8, "alignment");
_Static_assert(sizeof(exports_demo_app_shop_receipt) == (sizeof(void *) == 8 ? 56 : 48), "size");
_Static_assert(_Alignof(exports_demo_app_shop_receipt) == 8, "alignment");
_Static_assert(offsetof(exports_demo_app_shop_receipt, number) == 0, "offset");
_Static_assert(offsetof(exports_demo_app_shop_receipt, total) == 8, "offset");
_Static_assert(offsetof(exports_demo_app_shop_receipt, handling) == 16, "offset");
_Static_assert(offsetof(exports_demo_app_shop_receipt, lines) == (sizeof(void *) == 8 ? 24 : 20), "offset");
_Static_assert(offsetof(exports_demo_app_shop_receipt, change) == (sizeof(void *) == 8 ? 40 : 32), "offset");
_Static_assert(sizeof(app_tuple2_string_u32) == (sizeof(void *) == 8 ? 24 : 12), "size");
_Static_assert(_Alignof(app_tuple2_string_u32) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(offsetof(app_tuple2_string_u32, f0) == 0, "offset");
_Static_assert(offsetof(app_tuple2_string_u32, f1) == (sizeof(void *) == 8 ? 16 : 8), "offset");
_Static_assert(sizeof(exports_demo_app_shop_refusal) == (sizeof(void *) == 8 ? 32 : 24), "size");
_Static_assert(_Alignof(exports_demo_app_shop_refusal) == 8, "alignment");
_Static_assert(offsetof(exports_demo_app_shop_refusal, val) == 8, "offset");
_Static_assert(sizeof(exports_demo_app_shop_result_receipt_refusal) == (sizeof(void *) == 8 ? 64 : 56), "size");
_Static_assert(_Alignof(exports_demo_app_shop_result_receipt_refusal) == 8, "alignment");
_Static_assert(sizeof(app_list_u32) == (sizeof(void *) == 8 ? 16 : 8), "size");
_Static_assert(_Alignof(app_list_u32) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(sizeof(app_list_s32) == (sizeof(void *) == 8 ? 16 : 8), "size");
_Static_assert(_Alignof(app_list_s32) == (sizeof(void *) == 8 ? 8 : 4), "alignment");
_Static_assert(sizeof(app_tuple2_s32_s32) == 8, "size");
_Static_assert(_Alignof(app_tuple2_s32_s32) == 4, "alignment");
_Static_assert(offsetof(app_tuple2_s32_s32, f0) == 0, "offset");
_Static_assert(offsetof(app_tuple2_s32_s32, f1) == 4, "offset");
_Static_assert(sizeof(app_option_tuple2_s32_s32) == 12, "size");
_Static_assert(_Alignof(app_option_tuple2_s32_s32) == 4, "alignment");
_Static_assert(sizeof(app_result_s32_string) == (sizeof(void *) == 8 ? 24 : 12), "size");
_Static_assert(_Alignof(app_result_s32_string) == (sizeof(void *) == 8 ? 8 : 4), "alignment");

/* What WIT says of the functions, for the library to check. */
static const cmabi_type_desc type_string = {CMABI_KIND_STRING, 0, NULL, 0};
static const cmabi_type_desc type_u32 = {CMABI_KIND_U32, 0, NULL, 0};
static const cmabi_type_desc type_u64 = {CMABI_KIND_U64, 0, NULL, 0};
static const cmabi_part_desc parts_handling[] = {
    {"fragile", NULL},
    {"express", NULL},
    {"gift-wrap", NULL},
};
static const cmabi_type_desc type_handling = {CMABI_KIND_FLAGS, 0, parts_handling, 3};
static const cmabi_part_desc parts_item[] = {
    {"name", &type_string},
    {"count", &type_u32},
    {"price", &type_u64},
    {"handling", &type_handling},
};
static const cmabi_type_desc type_item = {CMABI_KIND_RECORD, 0, parts_item, 4};
static const cmabi_part_desc parts_list_item[] = {{NULL, &type_item}};
static const cmabi_type_desc type_list_item = {CMABI_KIND_LIST, 0, parts_list_item, 1};
static const cmabi_part_desc parts_option_string[] = {{NULL, &type_string}};
static const cmabi_type_desc type_option_string = {CMABI_KIND_OPTION, 0, parts_option_string, 1};
static const cmabi_part_desc parts_tuple_string_u64[] = {{NULL, &type_string}, {NULL, &type_u64}};
static const cmabi_type_desc type_tuple_string_u64 = {CMABI_KIND_TUPLE, 0, parts_tuple_string_u64, 2};
static const cmabi_part_desc parts_list_tuple_string_u64[] = {{NULL, &type_tuple_string_u64}};
static const cmabi_type_desc type_list_tuple_string_u64 = {CMABI_KIND_LIST, 0, parts_list_tuple_string_u64, 1};
static const cmabi_part_desc parts_payment[] = {
    {"cash", &type_u64},
    {"card", &type_string},
    {"shared", &type_list_tuple_string_u64},
};
static const cmabi_type_desc type_payment = {CMABI_KIND_VARIANT, 0, parts_payment, 3};
static const cmabi_part_desc parts_order[] = {
    {"customer", &type_string},
    {"items", &type_list_item},
    {"note", &type_option_string},
    {"payment", &type_payment},
};
static const cmabi_type_desc type_order = {CMABI_KIND_RECORD, 0, parts_order, 4};
static const cmabi_part_desc params_place[] = {{"order", &type_order}};
static const cmabi_type_desc type_list_string = {CMABI_KIND_LIST, 0, parts_option_string, 1};
static const cmabi_part_desc parts_option_u64[] = {{NULL, &type_u64}};
static const cmabi_type_desc type_option_u64 = {CMABI_KIND_OPTION, 0, parts_option_u64, 1};
static const cmabi_part_desc parts_receipt[] = {
    {"number", &type_u32},
    {"total", &type_u64},
    {"handling", &type_handling},
    {"lines", &type_list_string},
    {"change", &type_option_u64},
};
static const cmabi_type_desc type_receipt = {CMABI_KIND_RECORD, 0, parts_receipt, 5};
static const cmabi_part_desc parts_tuple_string_u32[] = {{NULL, &type_string}, {NULL, &type_u32}};
static const cmabi_type_desc type_tuple_string_u32 = {CMABI_KIND_TUPLE, 0, parts_tuple_string_u32, 2};
static const cmabi_part_desc parts_refusal[] = {
    {"empty-order", NULL},
    {"out-of-stock", &type_tuple_string_u32},
    {"underpaid", &type_u64},
};
static const cmabi_type_desc type_refusal = {CMABI_KIND_VARIANT, 0, parts_refusal, 3};
static const cmabi_part_desc parts_result_receipt_refusal[] = {
    {NULL, &type_receipt},
    {NULL, &type_refusal},
};
static const cmabi_type_desc type_result_receipt_refusal = {CMABI_KIND_RESULT, 0, parts_result_receipt_refusal, 2};
static const cmabi_part_desc params_greet[] = {{"name", &type_string}};
static const cmabi_part_desc parts_list_u32[] = {{NULL, &type_u32}};
static const cmabi_type_desc type_list_u32 = {CMABI_KIND_LIST, 0, parts_list_u32, 1};
static const cmabi_part_desc params_sum[] = {{"numbers", &type_list_u32}};
static const cmabi_type_desc type_s32 = {CMABI_KIND_S32, 0, NULL, 0};
static const cmabi_part_desc parts_list_s32[] = {{NULL, &type_s32}};
static const cmabi_type_desc type_list_s32 = {CMABI_KIND_LIST, 0, parts_list_s32, 1};
static const cmabi_part_desc params_min_max[] = {{"numbers", &type_list_s32}};
static const cmabi_part_desc parts_tuple_s32_s32[] = {{NULL, &type_s32}, {NULL, &type_s32}};
static const cmabi_type_desc type_tuple_s32_s32 = {CMABI_KIND_TUPLE, 0, parts_tuple_s32_s32, 2};
static const cmabi_part_desc parts_option_tuple_s32_s32[] = {{NULL, &type_tuple_s32_s32}};
static const cmabi_type_desc type_option_tuple_s32_s32 = {CMABI_KIND_OPTION, 0, parts_option_tuple_s32_s32, 1};
static const cmabi_part_desc params_divide[] = {{"a", &type_s32}, {"b", &type_s32}};
static const cmabi_part_desc parts_result_s32_string[] = {{NULL, &type_s32}, {NULL, &type_string}};
static const cmabi_type_desc type_result_s32_string = {CMABI_KIND_RESULT, 0, parts_result_s32_string, 2};
static const cmabi_export_desc exports[] = {
    {"demo:app/shop#place", {params_place, 1, &type_result_receipt_refusal, false}},
    {"greet", {params_greet, 1, &type_string, false}},
    {"sum", {params_sum, 1, &type_u64, false}},
    {"min-max", {params_min_max, 1, &type_option_tuple_s32_s32, false}},
    {"divide", {params_divide, 2, &type_result_s32_string, false}},
    {"crash", {NULL, 0, NULL, false}},
};
static const cmabi_part_desc parts_level[] = {
    {"debug", NULL},
    {"info", NULL},
    {"warning", NULL},
    {"error", NULL},
};
static const cmabi_type_desc type_level = {CMABI_KIND_ENUM, 0, parts_level, 4};
static const cmabi_part_desc params_line[] = {{"level", &type_level}, {"text", &type_string}};
static const cmabi_func_desc desc_demo_app_log_line = {params_line, 2, NULL, false};
static const cmabi_part_desc params_get[] = {{"key", &type_string}};
static const cmabi_func_desc desc_demo_app_settings_get =
    {params_get, 1, &type_option_string, false};

/* What the functions of one interface share: the host's data, until the last of them goes. */
struct shared {
    atomic_size_t users;
    void *data;
    void (*drop)(void *data);
};

static void begin_sharing(struct shared *shared, void *data, void (*drop)(void *data)) {
    atomic_init(&shared->users, 1);
    shared->data = data;
    shared->drop = drop;
}

static void let_go(void *data) {
    struct shared *shared = data;
    if (atomic_fetch_sub(&shared->users, 1) != 1) return;
    if (shared->drop != NULL) shared->drop(shared->data);
    free(shared);
}

static cmabi_string text(const char *from) {
    size_t len = 0;
    while (from[len] != '\0') len++;
    return (cmabi_string){from, len};
}

/* Says which function is missing, or that there is no memory. */
static cmabi_status cannot_offer(const char *missing, cmabi_error **error) {
    static const char before[] = "the host has no function for ";
    char message[512];
    size_t len = sizeof before - 1;
    if (missing == NULL)
        return cmabi_error_new(CMABI_STATUS_LIMIT, CMABI_STR("no memory is left"), error);
    for (size_t i = 0; i < sizeof before - 1; i++) message[i] = before[i];
    while (*missing != '\0' && len < sizeof message) message[len++] = *missing++;
    return cmabi_error_new(CMABI_STATUS_INVALID_ARGUMENT, (cmabi_string){message, len}, error);
}

/* A function as the library is told of it. */
struct offered {
    const char *name;
    cmabi_host_func func;
    const cmabi_func_desc *type;
};

static cmabi_status offer(cmabi_linker *linker, const char *interface, const struct offered *offered,
                          struct shared *shared, cmabi_error **error) {
    atomic_fetch_add(&shared->users, 1);
    return cmabi_linker_described_func(linker, text(interface), text(offered->name), offered->type,
                                       offered->func, shared, let_go, error);
}

struct shared_demo_app_log_host {
    struct shared shared;
    demo_app_log_host imports;
};

static cmabi_status call_demo_app_log_line(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_app_log_host *of = data;
    const struct {
        demo_app_log_level level;
        cmabi_string text;
    } *given = args;
    (void)results;
    return of->imports.line(of->imports.data, task, given->level, given->text);
}

static const struct offered offered_demo_app_log_host[] = {
    {"line", call_demo_app_log_line, &desc_demo_app_log_line},
};

static cmabi_status add_demo_app_log_host(
        cmabi_linker *linker, const demo_app_log_host *offers, cmabi_status status,
        cmabi_error **error) {
    const char *missing = NULL;
    if (offers == NULL) return status;
    if (offers->line == NULL) missing = "demo:app/log#line";
    struct shared_demo_app_log_host *of = NULL;
    if (status == CMABI_STATUS_OK && missing == NULL) of = malloc(sizeof *of);
    if (of == NULL) {
        if (offers->drop != NULL) offers->drop(offers->data);
        return status == CMABI_STATUS_OK ? cannot_offer(missing, error) : status;
    }
    of->imports = *offers;
    begin_sharing(&of->shared, offers->data, offers->drop);
    for (size_t i = 0; i < 1 && status == CMABI_STATUS_OK; i++)
        status = offer(linker, "demo:app/log", &offered_demo_app_log_host[i],
                           &of->shared, error);
    let_go(of);
    return status;
}

struct shared_demo_app_settings_host {
    struct shared shared;
    demo_app_settings_host imports;
};

static cmabi_status call_demo_app_settings_get(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_app_settings_host *of = data;
    const struct {
        cmabi_string key;
    } *given = args;
    return of->imports.get(of->imports.data, task, given->key, results);
}

static const struct offered offered_demo_app_settings_host[] = {
    {"get", call_demo_app_settings_get, &desc_demo_app_settings_get},
};

static cmabi_status add_demo_app_settings_host(
        cmabi_linker *linker, const demo_app_settings_host *offers, cmabi_status status,
        cmabi_error **error) {
    const char *missing = NULL;
    if (offers == NULL) return status;
    if (offers->get == NULL) missing = "demo:app/settings#get";
    struct shared_demo_app_settings_host *of = NULL;
    if (status == CMABI_STATUS_OK && missing == NULL) of = malloc(sizeof *of);
    if (of == NULL) {
        if (offers->drop != NULL) offers->drop(offers->data);
        return status == CMABI_STATUS_OK ? cannot_offer(missing, error) : status;
    }
    of->imports = *offers;
    begin_sharing(&of->shared, offers->data, offers->drop);
    for (size_t i = 0; i < 1 && status == CMABI_STATUS_OK; i++)
        status = offer(linker, "demo:app/settings", &offered_demo_app_settings_host[i],
                           &of->shared, error);
    let_go(of);
    return status;
}

cmabi_status app_add_to_linker(
        cmabi_linker *linker, const app_imports *offers, cmabi_error **error) {
    cmabi_status status = CMABI_STATUS_OK;
    if (error != NULL) *error = NULL;
    status = add_demo_app_log_host(linker, offers->demo_app_log, status, error);
    status = add_demo_app_settings_host(linker, offers->demo_app_settings, status, error);
    return status;
}

cmabi_status app_instantiate(
        app *self, const cmabi_linker *linker, cmabi_store *store, const cmabi_component *component,
        cmabi_error **error) {
    self->store = store;
    cmabi_status status =
        cmabi_linker_instantiate(linker, store, component, &self->instance, error);
    if (status != CMABI_STATUS_OK) return status;
    status = cmabi_instance_described_funcs(self->instance, exports, 6, self->funcs, error);
    if (status != CMABI_STATUS_OK) app_free(self);
    return status;
}

void app_free(app *self) {
    cmabi_instance_free(self->instance);
    self->instance = NULL;
}

cmabi_status exports_demo_app_shop_place(
        app *self, const exports_demo_app_shop_order *order, cmabi_arena *arena,
        exports_demo_app_shop_result_receipt_refusal *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[0], order, result, arena, error);
}

cmabi_status app_greet(
        app *self, cmabi_string name, cmabi_arena *arena, cmabi_string *result,
        cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[1], &name, result, arena, error);
}

cmabi_status app_sum(app *self, app_list_u32 numbers, cmabi_u64 *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[2], &numbers, result, NULL, error);
}

cmabi_status app_min_max(
        app *self, app_list_s32 numbers, app_option_tuple2_s32_s32 *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[3], &numbers, result, NULL, error);
}

cmabi_status app_divide(
        app *self, int32_t a, int32_t b, cmabi_arena *arena, app_result_s32_string *result,
        cmabi_error **error) {
    const struct {
        int32_t a;
        int32_t b;
    } args = {a, b};
    return cmabi_func_call(self->store, self->funcs[4], &args, result, arena, error);
}

cmabi_status app_crash(app *self, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[5], NULL, NULL, NULL, error);
}
