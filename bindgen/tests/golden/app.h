/* Written by cmabi bindgen 0.2.0 from `app.wit`, world `app`. Do not edit. */
#ifndef APP_H
#define APP_H

#include <cmabi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* demo:app/log */
/// Where the guest's log lines go. Implemented by the host.

typedef uint8_t demo_app_log_level;
#define DEMO_APP_LOG_LEVEL_DEBUG 0
#define DEMO_APP_LOG_LEVEL_INFO 1
#define DEMO_APP_LOG_LEVEL_WARNING 2
#define DEMO_APP_LOG_LEVEL_ERROR 3

typedef struct app_option_string {
    bool is_some;
    cmabi_string val;
} app_option_string;

/* demo:app/shop */
/// Taking orders. Implemented by the guest.

typedef uint8_t exports_demo_app_shop_handling;
#define EXPORTS_DEMO_APP_SHOP_HANDLING_FRAGILE ((exports_demo_app_shop_handling)1 << 0)
#define EXPORTS_DEMO_APP_SHOP_HANDLING_EXPRESS ((exports_demo_app_shop_handling)1 << 1)
#define EXPORTS_DEMO_APP_SHOP_HANDLING_GIFT_WRAP ((exports_demo_app_shop_handling)1 << 2)

/// Money is in cents.
typedef struct exports_demo_app_shop_item {
    cmabi_string name;
    uint32_t count;
    cmabi_u64 price;
    exports_demo_app_shop_handling handling;
} exports_demo_app_shop_item;

typedef struct app_tuple2_string_u64 {
    cmabi_string f0;
    cmabi_u64 f1;
} app_tuple2_string_u64;

typedef struct app_list_tuple2_string_u64 {
    const app_tuple2_string_u64 *ptr;
    size_t len;
} app_list_tuple2_string_u64;

typedef struct exports_demo_app_shop_payment {
    uint8_t tag;
    union {
        cmabi_u64 cash;
        cmabi_string card;
        app_list_tuple2_string_u64 shared;
    } val;
} exports_demo_app_shop_payment;
#define EXPORTS_DEMO_APP_SHOP_PAYMENT_CASH 0
#define EXPORTS_DEMO_APP_SHOP_PAYMENT_CARD 1
/// Who pays how much.
#define EXPORTS_DEMO_APP_SHOP_PAYMENT_SHARED 2

typedef struct exports_demo_app_shop_list_item {
    const exports_demo_app_shop_item *ptr;
    size_t len;
} exports_demo_app_shop_list_item;

typedef struct exports_demo_app_shop_order {
    cmabi_string customer;
    exports_demo_app_shop_list_item items;
    app_option_string note;
    exports_demo_app_shop_payment payment;
} exports_demo_app_shop_order;

typedef struct app_list_string {
    const cmabi_string *ptr;
    size_t len;
} app_list_string;

typedef struct app_option_u64 {
    bool is_some;
    cmabi_u64 val;
} app_option_u64;

typedef struct exports_demo_app_shop_receipt {
    uint32_t number;
    cmabi_u64 total;
    exports_demo_app_shop_handling handling;
    app_list_string lines;
    /// What is handed back in cash.
    app_option_u64 change;
} exports_demo_app_shop_receipt;

typedef struct app_tuple2_string_u32 {
    cmabi_string f0;
    uint32_t f1;
} app_tuple2_string_u32;

typedef struct exports_demo_app_shop_refusal {
    uint8_t tag;
    union {
        app_tuple2_string_u32 out_of_stock;
        cmabi_u64 underpaid;
    } val;
} exports_demo_app_shop_refusal;
#define EXPORTS_DEMO_APP_SHOP_REFUSAL_EMPTY_ORDER 0
/// The item, and how many of it there are.
#define EXPORTS_DEMO_APP_SHOP_REFUSAL_OUT_OF_STOCK 1
/// How much is missing.
#define EXPORTS_DEMO_APP_SHOP_REFUSAL_UNDERPAID 2

typedef struct exports_demo_app_shop_result_receipt_refusal {
    bool is_err;
    union {
        exports_demo_app_shop_receipt ok;
        exports_demo_app_shop_refusal err;
    } val;
} exports_demo_app_shop_result_receipt_refusal;

typedef struct app_list_u32 {
    const uint32_t *ptr;
    size_t len;
} app_list_u32;

typedef struct app_list_s32 {
    const int32_t *ptr;
    size_t len;
} app_list_s32;

typedef struct app_tuple2_s32_s32 {
    int32_t f0;
    int32_t f1;
} app_tuple2_s32_s32;

typedef struct app_option_tuple2_s32_s32 {
    bool is_some;
    app_tuple2_s32_s32 val;
} app_option_tuple2_s32_s32;

typedef struct app_result_s32_string {
    bool is_err;
    union {
        int32_t ok;
        cmabi_string err;
    } val;
} app_result_s32_string;

/// What a component imports as `demo:app/log`. Each function is called with `data`, and is as
/// `cmabi_host_func` says; `drop`, which may be NULL, is called once, when `data` is not needed any more.
typedef struct demo_app_log_host {
    void *data;
    void (*drop)(void *data);
    cmabi_status (*line)(void *data, cmabi_task *task, demo_app_log_level level, cmabi_string text);
} demo_app_log_host;

/// What a component imports as `demo:app/settings`. Each function is called with `data`, and is as
/// `cmabi_host_func` says; `drop`, which may be NULL, is called once, when `data` is not needed any more.
typedef struct demo_app_settings_host {
    void *data;
    void (*drop)(void *data);
    cmabi_status (*get)(void *data, cmabi_task *task, cmabi_string key, app_option_string *result);
} demo_app_settings_host;

/// What the host offers to components. An interface that is NULL here has to come from elsewhere.
typedef struct app_imports {
    const demo_app_log_host *demo_app_log;
    const demo_app_settings_host *demo_app_settings;
} app_imports;
/// Offers components all that `offers` has. The structs are copied. `CMABI_STATUS_INVALID_ARGUMENT`
/// where a function is NULL: the message names it. The data of each struct is dropped once in
/// any case: at once where this fails, otherwise with the linker and the stores that use it.
cmabi_status app_add_to_linker(
        cmabi_linker *linker, const app_imports *offers, cmabi_error **error);

/// An instance of a component for the world `app`, whose functions have been looked up. The
/// members are for generated code, and for calls of `cmabi.h`.
typedef struct app {
    cmabi_store *store;
    cmabi_instance *instance;
    const cmabi_func *funcs[6];
} app;

/// Makes an instance in `store`, and looks up and checks all functions that it exports.
/// `CMABI_STATUS_TYPE_MISMATCH` where some are missing or have other types: the message
/// lists each one with both types. On success `*self` is to be given to the function below.
cmabi_status app_instantiate(
        app *self, const cmabi_linker *linker, cmabi_store *store, const cmabi_component *component,
        cmabi_error **error);
/// Frees the instance's handle, before or after the store. One that is all zero is fine.
void app_free(app *self);

/// Calls `log` and `settings` while it runs: `stock.<name>` limits how many there are of an item,
/// `currency` is printed behind each amount.
cmabi_status exports_demo_app_shop_place(
        app *self, const exports_demo_app_shop_order *order, cmabi_arena *arena,
        exports_demo_app_shop_result_receipt_refusal *result, cmabi_error **error);

/// The greeting is the setting `greeting`, or "Hello".
cmabi_status app_greet(
        app *self, cmabi_string name, cmabi_arena *arena, cmabi_string *result,
        cmabi_error **error);

/// `sum`
cmabi_status app_sum(app *self, app_list_u32 numbers, cmabi_u64 *result, cmabi_error **error);

/// None for an empty list.
cmabi_status app_min_max(
        app *self, app_list_s32 numbers, app_option_tuple2_s32_s32 *result, cmabi_error **error);

/// `divide`
cmabi_status app_divide(
        app *self, int32_t a, int32_t b, cmabi_arena *arena, app_result_s32_string *result,
        cmabi_error **error);

/// Executes `unreachable`.
cmabi_status app_crash(app *self, cmabi_error **error);

#ifdef __cplusplus
}
#endif

#endif /* APP_H */
