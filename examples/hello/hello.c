// Loads the demo's component, lets it call back, and calls everything that it exports. hello.cpp does
// the same in C++, and prints the same.
//
//     hello-c app.wasm [crash]

#include <cmabi.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The types of guest/app.wit, as C structs in the canonical layout ----------------------------

enum { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };
enum { HANDLING_FRAGILE = 1, HANDLING_EXPRESS = 2, HANDLING_GIFT_WRAP = 4 };

typedef struct {
    uint8_t is_some;
    cmabi_string val;
} option_string;

typedef struct {
    uint8_t is_some;
    cmabi_u64 val;
} option_u64;

typedef struct {
    const cmabi_string *ptr;
    size_t len;
} list_string;

typedef struct {
    cmabi_string name;
    uint32_t count;
    cmabi_u64 price;
    uint8_t handling;
} item;

typedef struct {
    cmabi_string payer;
    cmabi_u64 amount;
} share;

enum { PAYMENT_CASH, PAYMENT_CARD, PAYMENT_SHARED };
typedef struct {
    uint8_t tag;
    union {
        cmabi_u64 cash;
        cmabi_string card;
        struct {
            const share *ptr;
            size_t len;
        } shared;
    } val;
} payment;

typedef struct {
    cmabi_string customer;
    struct {
        const item *ptr;
        size_t len;
    } items;
    option_string note;
    payment payment;
} order;

typedef struct {
    uint32_t number;
    cmabi_u64 total;
    uint8_t handling;
    list_string lines;
    option_u64 change;
} receipt;

enum { REFUSAL_EMPTY_ORDER, REFUSAL_OUT_OF_STOCK, REFUSAL_UNDERPAID };
typedef struct {
    uint8_t tag;
    union {
        struct {
            cmabi_string name;
            uint32_t stock;
        } out_of_stock;
        cmabi_u64 underpaid;
    } val;
} refusal;

// ---- What the guest imports ---------------------------------------------------------------------

static bool same(cmabi_string a, cmabi_string b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

static void print(cmabi_string text) {
    fwrite(text.ptr, 1, text.len, stdout);
}

// log.line: func(level: level, text: string)
static cmabi_status on_line(void *data, cmabi_task *task, const void *args, void *results) {
    const struct {
        uint8_t level;
        cmabi_string text;
    } *line = args;
    static const char *const names[] = {"debug", "info", "warning", "error"};
    printf("  log: %s: ", names[line->level]);
    print(line->text);
    putchar('\n');
    (void)data, (void)task, (void)results;
    return CMABI_STATUS_OK;
}

typedef struct {
    cmabi_string key, value;
} setting;

// settings.get: func(key: string) -> option<string>; `data` are the settings.
static cmabi_status on_get(void *data, cmabi_task *task, const void *args, void *results) {
    const cmabi_string *key = args;
    option_string *value = results;
    printf("  settings: ");
    print(*key);
    putchar('\n');
    value->is_some = false;
    for (const setting *found = data; found->key.len != 0; found++) {
        if (same(found->key, *key)) {
            value->is_some = true;
            value->val = found->value; // it lives longer than the call
        }
    }
    (void)task;
    return CMABI_STATUS_OK;
}

// ---- What the guest exports ---------------------------------------------------------------------

// What a call needs, and what its results lie in.
typedef struct {
    cmabi_store *store;
    cmabi_instance *instance;
    cmabi_arena *arena;
} host;

// Calls the function at `path`. It checks the sizes of the structs, so that they have at least the
// room of the function's type.
static bool call(const host *host, const char *path, const void *args, size_t args_size,
                 void *results, size_t results_size, cmabi_error **error) {
    const cmabi_string name = {path, strlen(path)};
    const cmabi_func *func;
    return cmabi_instance_func(host->instance, name, &func, error) == CMABI_STATUS_OK &&
           cmabi_func_check(func, args_size, results_size, error) == CMABI_STATUS_OK &&
           cmabi_func_call(host->store, func, args, results, host->arena, error) == CMABI_STATUS_OK;
}

static bool call_functions(const host *host, cmabi_error **error) {
    const cmabi_string name = CMABI_STR("Ada");
    cmabi_string greeting;
    puts("greet(\"Ada\")");
    if (!call(host, "greet", &name, sizeof name, &greeting, sizeof greeting, error)) return false;
    printf("  -> \"");
    print(greeting);
    puts("\"");

    const uint32_t summands[] = {1, 2, 4294967295};
    const struct {
        const uint32_t *ptr;
        size_t len;
    } numbers = {summands, 3};
    cmabi_u64 sum;
    puts("sum([1, 2, 4294967295])");
    if (!call(host, "sum", &numbers, sizeof numbers, &sum, sizeof sum, error)) return false;
    printf("  -> %" PRIu64 "\n", sum);

    const int32_t values[] = {3, -7, 12};
    struct {
        const int32_t *ptr;
        size_t len;
    } some_values = {values, 3};
    struct {
        uint8_t is_some;
        struct {
            int32_t min, max;
        } val;
    } found;
    puts("min-max([3, -7, 12])");
    if (!call(host, "min-max", &some_values, sizeof some_values, &found, sizeof found, error))
        return false;
    if (found.is_some) printf("  -> some(%" PRId32 ", %" PRId32 ")\n", found.val.min, found.val.max);
    some_values.len = 0;
    puts("min-max([])");
    if (!call(host, "min-max", &some_values, sizeof some_values, &found, sizeof found, error))
        return false;
    puts(found.is_some ? "  -> some" : "  -> none");

    struct {
        int32_t a, b;
    } operands = {7, 2};
    struct {
        uint8_t is_err;
        union {
            int32_t ok;
            cmabi_string err;
        } val;
    } quotient;
    puts("divide(7, 2)");
    if (!call(host, "divide", &operands, sizeof operands, &quotient, sizeof quotient, error))
        return false;
    printf("  -> ok(%" PRId32 ")\n", quotient.val.ok);
    operands.a = 1;
    operands.b = 0;
    puts("divide(1, 0)");
    if (!call(host, "divide", &operands, sizeof operands, &quotient, sizeof quotient, error))
        return false;
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
    case REFUSAL_OUT_OF_STOCK:
        printf("only %" PRIu32 " x ", refusal->val.out_of_stock.stock);
        print(refusal->val.out_of_stock.name);
        puts(" in stock");
        break;
    case REFUSAL_UNDERPAID:
        printf("%" PRIu64 " cents are missing\n", refusal->val.underpaid);
        break;
    default:
        puts("nothing was ordered");
    }
}

static bool place(const host *host, const order *order, cmabi_error **error) {
    struct {
        uint8_t is_err;
        union {
            receipt ok;
            refusal err;
        } val;
    } outcome;
    printf("place an order of %zu items\n", order->items.len);
    if (!call(host, "demo:app/shop#place", order, sizeof *order, &outcome, sizeof outcome, error))
        return false;
    if (outcome.is_err)
        show_refusal(&outcome.val.err);
    else
        show_receipt(&outcome.val.ok);
    // Nothing of the result is needed any more.
    return cmabi_arena_reset(host->arena, error) == CMABI_STATUS_OK;
}

static bool place_orders(const host *host, cmabi_error **error) {
    item items[] = {
        {CMABI_STR("lamp"), 1, 4250, HANDLING_FRAGILE | HANDLING_GIFT_WRAP},
        {CMABI_STR("bulb"), 3, 399, HANDLING_FRAGILE},
    };
    const share shares[] = {{CMABI_STR("Ada"), 2000}, {CMABI_STR("Grace"), 2000}};
    order order = {.customer = CMABI_STR("Ada"),
                   .items = {items, 2},
                   .note = {true, CMABI_STR("leave it at the door")},
                   .payment = {PAYMENT_CASH, {.cash = 10000}}};
    if (!place(host, &order, error)) return false;

    order.note.is_some = false;
    order.payment.tag = PAYMENT_SHARED;
    order.payment.val.shared.ptr = shares;
    order.payment.val.shared.len = 2;
    if (!place(host, &order, error)) return false;

    items[0].count = 3;
    order.payment.tag = PAYMENT_CARD;
    order.payment.val.card = CMABI_STR("4711");
    if (!place(host, &order, error)) return false;

    order.items.len = 0;
    return place(host, &order, error);
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
    host host = {NULL, NULL, NULL};
    const bool done =
        cmabi_engine_new(NULL, &engine, error) == CMABI_STATUS_OK &&
        cmabi_component_load_file(engine, file, &component, error) == CMABI_STATUS_OK &&
        cmabi_linker_new(engine, &linker, error) == CMABI_STATUS_OK &&
        cmabi_linker_func(linker, CMABI_STR("demo:app/log"), CMABI_STR("line"), on_line, NULL, NULL,
                          error) == CMABI_STATUS_OK &&
        cmabi_linker_func(linker, CMABI_STR("demo:app/settings"), CMABI_STR("get"), on_get, settings,
                          NULL, error) == CMABI_STATUS_OK &&
        cmabi_store_new(engine, NULL, &host.store, error) == CMABI_STATUS_OK &&
        cmabi_arena_new(0, &host.arena, error) == CMABI_STATUS_OK &&
        cmabi_linker_instantiate(linker, host.store, component, &host.instance, error) ==
            CMABI_STATUS_OK &&
        (!crash || call(&host, "crash", NULL, 0, NULL, 0, error)) && call_functions(&host, error) &&
        place_orders(&host, error);

    cmabi_instance_free(host.instance);
    cmabi_arena_free(host.arena);
    cmabi_store_free(host.store);
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
