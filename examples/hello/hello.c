// Loads the demo's component, lets it call back, and calls everything that it exports. hello.cpp does
// the same in C++, and prints the same.
//
//     hello-c app.wasm [crash]

#include "app.h" // generated from guest/app.wit

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef exports_demo_app_shop_order order;
typedef exports_demo_app_shop_item item;
typedef exports_demo_app_shop_receipt receipt;
typedef exports_demo_app_shop_refusal refusal;

// ---- What the guest imports ---------------------------------------------------------------------

static bool same(cmabi_string a, cmabi_string b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static void print(cmabi_string text) {
    fwrite(text.ptr, 1, text.len, stdout);
}

static cmabi_status on_line(void *data, cmabi_task *task, demo_app_log_level level,
                            cmabi_string text) {
    static const char *const names[] = {"debug", "info", "warning", "error"};
    printf("  log: %s: ", names[level]);
    print(text);
    putchar('\n');
    (void)data, (void)task;
    return CMABI_STATUS_OK;
}

typedef struct {
    cmabi_string key, value;
} setting;

// `data` are the settings.
static cmabi_status on_get(void *data, cmabi_task *task, cmabi_string key, app_option_string *value) {
    printf("  settings: ");
    print(key);
    putchar('\n');
    value->is_some = false;
    for (const setting *found = data; found->key.len != 0; found++) {
        if (same(found->key, key)) {
            value->is_some = true;
            value->val = found->value; // it lives longer than the call
        }
    }
    (void)task;
    return CMABI_STATUS_OK;
}

// ---- What the guest exports ---------------------------------------------------------------------

static bool call_functions(app *app, cmabi_arena *arena, cmabi_error **error) {
    cmabi_string greeting;
    puts("greet(\"Ada\")");
    if (app_greet(app, CMABI_STR("Ada"), arena, &greeting, error)) return false;
    printf("  -> \"");
    print(greeting);
    puts("\"");

    const uint32_t summands[] = {1, 2, 4294967295};
    cmabi_u64 sum;
    puts("sum([1, 2, 4294967295])");
    if (app_sum(app, (app_list_u32){summands, 3}, &sum, error)) return false;
    printf("  -> %" PRIu64 "\n", sum);

    const int32_t values[] = {3, -7, 12};
    app_option_tuple2_s32_s32 found;
    puts("min-max([3, -7, 12])");
    if (app_min_max(app, (app_list_s32){values, 3}, &found, error)) return false;
    if (found.is_some)
        printf("  -> some(%" PRId32 ", %" PRId32 ")\n", found.val.f0, found.val.f1);
    puts("min-max([])");
    if (app_min_max(app, (app_list_s32){NULL, 0}, &found, error)) return false;
    puts(found.is_some ? "  -> some" : "  -> none");

    app_result_s32_string quotient;
    puts("divide(7, 2)");
    if (app_divide(app, 7, 2, arena, &quotient, error)) return false;
    printf("  -> ok(%" PRId32 ")\n", quotient.val.ok);
    puts("divide(1, 0)");
    if (app_divide(app, 1, 0, arena, &quotient, error)) return false;
    printf("  -> error(\"");
    print(quotient.val.err);
    puts("\")");
    return true;
}

static void show_receipt(const receipt *receipt) {
    printf("  -> receipt %" PRIu32 ", total %" PRIu64 " cents", receipt->number, receipt->total);
    if (receipt->change.is_some) printf(", change %" PRIu64 " cents", receipt->change.val);
    putchar('\n');
    for (size_t i = 0; i < receipt->lines.len; i++) {
        printf("       ");
        print(receipt->lines.ptr[i]);
        putchar('\n');
    }
    static const char *const labels[] = {"fragile", "express", "gift-wrap"};
    for (unsigned i = 0; i < 3; i++)
        if (receipt->handling & 1U << i) printf("       handling: %s\n", labels[i]);
}

static void show_refusal(const refusal *refusal) {
    printf("  -> refused: ");
    switch (refusal->tag) {
    case EXPORTS_DEMO_APP_SHOP_REFUSAL_OUT_OF_STOCK:
        printf("only %" PRIu32 " x ", refusal->val.out_of_stock.f1);
        print(refusal->val.out_of_stock.f0);
        puts(" in stock");
        break;
    case EXPORTS_DEMO_APP_SHOP_REFUSAL_UNDERPAID:
        printf("%" PRIu64 " cents are missing\n", refusal->val.underpaid);
        break;
    default:
        puts("nothing was ordered");
    }
}

static bool place(app *app, const order *order, cmabi_arena *arena, cmabi_error **error) {
    exports_demo_app_shop_result_receipt_refusal outcome;
    printf("place an order of %zu items\n", order->items.len);
    if (exports_demo_app_shop_place(app, order, arena, &outcome, error)) return false;
    if (outcome.is_err)
        show_refusal(&outcome.val.err);
    else
        show_receipt(&outcome.val.ok);
    // Nothing of the result is needed any more.
    return cmabi_arena_reset(arena, error) == CMABI_STATUS_OK;
}

static bool place_orders(app *app, cmabi_arena *arena, cmabi_error **error) {
    item items[] = {
        {CMABI_STR("lamp"), 1, 4250, EXPORTS_DEMO_APP_SHOP_HANDLING_FRAGILE | EXPORTS_DEMO_APP_SHOP_HANDLING_GIFT_WRAP},
        {CMABI_STR("bulb"), 3, 399, EXPORTS_DEMO_APP_SHOP_HANDLING_FRAGILE},
    };
    const app_tuple2_string_u64 shares[] = {{CMABI_STR("Ada"), 2000}, {CMABI_STR("Grace"), 2000}};
    order order = {.customer = CMABI_STR("Ada"),
                   .items = {items, 2},
                   .note = {true, CMABI_STR("leave it at the door")},
                   .payment = {EXPORTS_DEMO_APP_SHOP_PAYMENT_CASH, {.cash = 10000}}};
    if (!place(app, &order, arena, error)) return false;

    order.note.is_some = false;
    order.payment.tag = EXPORTS_DEMO_APP_SHOP_PAYMENT_SHARED;
    order.payment.val.shared.ptr = shares;
    order.payment.val.shared.len = 2;
    if (!place(app, &order, arena, error)) return false;

    items[0].count = 3;
    order.payment.tag = EXPORTS_DEMO_APP_SHOP_PAYMENT_CARD;
    order.payment.val.card = CMABI_STR("4711");
    if (!place(app, &order, arena, error)) return false;

    order.items.len = 0;
    return place(app, &order, arena, error);
}

// ---- The program --------------------------------------------------------------------------------

static bool run(const char *path, bool crash, cmabi_error **error) {
    setting settings[] = {
        {CMABI_STR("greeting"), CMABI_STR("Good evening")},
        {CMABI_STR("stock.lamp"), CMABI_STR("2")},
        {CMABI_STR("currency"), CMABI_STR("EUR")},
        {{NULL, 0}, {NULL, 0}},
    };
    const cmabi_string file = {path, strlen(path)};
    cmabi_engine *engine = NULL;
    cmabi_component *component = NULL;
    cmabi_linker *linker = NULL;
    cmabi_store *store = NULL;
    cmabi_arena *arena = NULL;
    app app = {0};
    const demo_app_log_host log = {.line = on_line};
    const demo_app_settings_host known = {.data = settings, .get = on_get};
    const app_imports imports = {&log, &known};
    const bool done = !cmabi_engine_new(NULL, &engine, error) &&
                      !cmabi_component_load_file(engine, file, &component, error) &&
                      !cmabi_linker_new(engine, &linker, error) &&
                      !app_add_to_linker(linker, &imports, error) &&
                      !cmabi_store_new(engine, NULL, &store, error) &&
                      !cmabi_arena_new(0, &arena, error) &&
                      !app_instantiate(&app, linker, store, component, error) &&
                      (!crash || !app_crash(&app, error)) && call_functions(&app, arena, error) &&
                      place_orders(&app, arena, error);

    app_free(&app);
    cmabi_arena_free(arena);
    cmabi_store_free(store);
    cmabi_linker_free(linker);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
    return done;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "hello-c: usage: hello-c app.wasm [crash]\n");
        return EXIT_FAILURE;
    }
    cmabi_error *error = NULL;
    if (run(argv[1], argc > 2 && strcmp(argv[2], "crash") == 0, &error)) return EXIT_SUCCESS;
    const cmabi_string message = cmabi_error_message(error);
    fflush(stdout);
    fprintf(stderr, "hello-c: %.*s\n", (int)message.len, message.ptr);
    cmabi_error_free(error);
    return EXIT_FAILURE;
}
