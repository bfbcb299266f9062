// The demo's guest: a small shop. It implements the world of app.wit on the bindings that
// wit-bindgen generates; build.sh makes app.wasm of it.

#include "app.h"

#include <stdlib.h>
#include <string.h>

// Shorter names for what wit-bindgen calls by package, interface and world.
typedef app_string_t string;
typedef exports_demo_app_shop_item_t item;
typedef exports_demo_app_shop_list_item_t list_item;
typedef exports_demo_app_shop_order_t order;
typedef exports_demo_app_shop_payment_t payment;
typedef exports_demo_app_shop_receipt_t receipt;
typedef exports_demo_app_shop_refusal_t refusal;

// ---- Text ---------------------------------------------------------------------------------------

static void append(string *text, string more) {
    if (more.len == 0) return;
    text->ptr = realloc(text->ptr, text->len + more.len);
    if (text->ptr == NULL) abort();
    memcpy(text->ptr + text->len, more.ptr, more.len);
    text->len += more.len;
}

static string literal(const char *chars) {
    string text;
    app_string_set(&text, chars);
    return text;
}

static void append_number(string *text, uint64_t number) {
    char digits[20];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    append(text, (string){(uint8_t *)digits + first, sizeof digits - first});
}

// 1234 cents as "12.34".
static void append_money(string *text, uint64_t cents) {
    append_number(text, cents / 100);
    append(text, literal(cents % 100 < 10 ? ".0" : "."));
    append_number(text, cents % 100);
}

static bool parse_number(string text, uint32_t *number) {
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        *number = *number * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0;
}

// ---- The host -----------------------------------------------------------------------------------

// The setting `<prefix><name>`; false when the host has none.
static bool setting(const char *prefix, string name, string *value) {
    string key = {0};
    append(&key, literal(prefix));
    append(&key, name);
    bool found = demo_app_settings_get(&key, value);
    app_string_free(&key);
    return found;
}

// ---- interface shop -----------------------------------------------------------------------------

static bool check_stock(const list_item *items, refusal *err) {
    for (size_t i = 0; i < items->len; i++) {
        const item *wanted = &items->ptr[i];
        string value;
        if (!setting("stock.", wanted->name, &value)) continue;
        uint32_t stock;
        bool limited = parse_number(value, &stock);
        app_string_free(&value);
        if (limited && stock < wanted->count) {
            err->tag = EXPORTS_DEMO_APP_SHOP_REFUSAL_OUT_OF_STOCK;
            err->val.out_of_stock.f0 = (string){0};
            append(&err->val.out_of_stock.f0, wanted->name);
            err->val.out_of_stock.f1 = stock;
            return false;
        }
    }
    return true;
}

// What is paid; a card pays any amount.
static uint64_t paid(const payment *payment, uint64_t total) {
    switch (payment->tag) {
    case EXPORTS_DEMO_APP_SHOP_PAYMENT_CASH:
        return payment->val.cash;
    case EXPORTS_DEMO_APP_SHOP_PAYMENT_SHARED: {
        uint64_t sum = 0;
        for (size_t i = 0; i < payment->val.shared.len; i++) sum += payment->val.shared.ptr[i].f1;
        return sum;
    }
    default:
        return total;
    }
}

static string receipt_line(const item *bought, string currency) {
    string line = {0};
    append_number(&line, bought->count);
    append(&line, literal(" x "));
    append(&line, bought->name);
    append(&line, literal(": "));
    append_money(&line, bought->count * bought->price);
    append(&line, literal(" "));
    append(&line, currency);
    return line;
}

static void write_receipt(const list_item *items, uint64_t total, uint64_t given, receipt *ret) {
    static uint32_t last_number;
    string currency;
    if (!setting("currency", (string){0}, &currency)) app_string_dup(&currency, "EUR");

    ret->number = ++last_number;
    ret->total = total;
    ret->handling = 0;
    ret->lines.len = items->len;
    ret->lines.ptr = malloc(items->len * sizeof *ret->lines.ptr);
    if (ret->lines.ptr == NULL) abort();
    for (size_t i = 0; i < items->len; i++) {
        ret->handling |= items->ptr[i].handling;
        ret->lines.ptr[i] = receipt_line(&items->ptr[i], currency);
    }
    ret->change.is_some = given > total;
    ret->change.val = given - total;
    app_string_free(&currency);
}

static bool place(const order *order, receipt *ret, refusal *err) {
    if (order->items.len == 0) {
        err->tag = EXPORTS_DEMO_APP_SHOP_REFUSAL_EMPTY_ORDER;
        return false;
    }
    if (!check_stock(&order->items, err)) return false;

    uint64_t total = 0;
    for (size_t i = 0; i < order->items.len; i++)
        total += order->items.ptr[i].count * order->items.ptr[i].price;
    uint64_t given = paid(&order->payment, total);
    if (given < total) {
        err->tag = EXPORTS_DEMO_APP_SHOP_REFUSAL_UNDERPAID;
        err->val.underpaid = total - given;
        return false;
    }
    write_receipt(&order->items, total, given, ret);
    return true;
}

bool exports_demo_app_shop_place(order *order, receipt *ret, refusal *err) {
    string text = {0};
    append(&text, literal("order of "));
    append(&text, order->customer);
    if (order->note.is_some) {
        append(&text, literal(", who notes: "));
        append(&text, order->note.val);
    }
    demo_app_log_line(DEMO_APP_LOG_LEVEL_INFO, &text);
    app_string_free(&text);

    bool placed = place(order, ret, err);
    string outcome = literal(placed ? "order placed" : "order refused");
    demo_app_log_line(placed ? DEMO_APP_LOG_LEVEL_INFO : DEMO_APP_LOG_LEVEL_WARNING, &outcome);
    exports_demo_app_shop_order_free(order);
    return placed;
}

// ---- world app ----------------------------------------------------------------------------------

void exports_app_greet(string *name, string *ret) {
    if (!setting("greeting", (string){0}, ret)) app_string_dup(ret, "Hello");
    append(ret, literal(", "));
    append(ret, *name);
    append(ret, literal("!"));
    app_string_free(name);
}

uint64_t exports_app_sum(app_list_u32_t *numbers) {
    uint64_t sum = 0;
    for (size_t i = 0; i < numbers->len; i++) sum += numbers->ptr[i];
    app_list_u32_free(numbers);
    return sum;
}

bool exports_app_min_max(app_list_s32_t *numbers, app_tuple2_s32_s32_t *ret) {
    bool any = numbers->len > 0;
    if (any) ret->f0 = ret->f1 = numbers->ptr[0];
    for (size_t i = 1; i < numbers->len; i++) {
        int32_t number = numbers->ptr[i];
        if (number < ret->f0) ret->f0 = number;
        if (number > ret->f1) ret->f1 = number;
    }
    app_list_s32_free(numbers);
    return any;
}

bool exports_app_divide(int32_t a, int32_t b, int32_t *ret, string *err) {
    if (b == 0) {
        app_string_dup(err, "division by zero");
        return false;
    }
    *ret = a / b;
    return true;
}

void exports_app_crash(void) {
    __builtin_trap();
}
