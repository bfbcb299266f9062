/* Written by cmabi bindgen 0.2.0 from `editor.wit`, world `editor`. Do not edit. */
#include "editor.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What WIT says of the functions, for the library to check. */
static const cmabi_part_desc resource_file[] = {{"file", NULL}};
static const cmabi_type_desc type_own_file = {CMABI_KIND_OWN, 0, resource_file, 1};
static const cmabi_part_desc params_constructor_editor[] = {{"file", &type_own_file}};
static const cmabi_part_desc resource_editor[] = {{"editor", NULL}};
static const cmabi_type_desc type_own_editor = {CMABI_KIND_OWN, 0, resource_editor, 1};
static const cmabi_type_desc type_borrow_editor = {CMABI_KIND_BORROW, 0, resource_editor, 1};
static const cmabi_type_desc type_string = {CMABI_KIND_STRING, 0, NULL, 0};
static const cmabi_part_desc params_method_editor_add[] = {
    {"self", &type_borrow_editor},
    {"text", &type_string},
};
static const cmabi_type_desc type_u32 = {CMABI_KIND_U32, 0, NULL, 0};
static const cmabi_part_desc params_static_editor_close[] = {{"editor", &type_own_editor}};
static const cmabi_type_desc type_borrow_file = {CMABI_KIND_BORROW, 0, resource_file, 1};
static const cmabi_part_desc params_greet[] = {{"file", &type_borrow_file}};
static const cmabi_type_desc type_bool = {CMABI_KIND_BOOL, 0, NULL, 0};
static const cmabi_export_desc exports[] = {
    {"demo:editor/editing#[constructor]editor", {params_constructor_editor, 1, &type_own_editor, false}},
    {"demo:editor/editing#[method]editor.add", {params_method_editor_add, 2, &type_u32, false}},
    {"demo:editor/editing#[static]editor.close", {params_static_editor_close, 1, &type_own_file, false}},
    {"demo:editor/editing#greet", {params_greet, 1, &type_bool, false}},
    {"demo:editor/editing#draft", {NULL, 0, &type_own_file, false}},
};
static const cmabi_part_desc params_constructor_file[] = {{"name", &type_string}};
static const cmabi_func_desc desc_demo_editor_files_constructor_file =
    {params_constructor_file, 1, &type_own_file, false};
static const cmabi_part_desc params_method_file_write[] = {
    {"self", &type_borrow_file},
    {"text", &type_string},
};
static const cmabi_func_desc desc_demo_editor_files_method_file_write =
    {params_method_file_write, 2, NULL, false};
static const cmabi_part_desc params_method_file_size[] = {{"self", &type_borrow_file}};
static const cmabi_func_desc desc_demo_editor_files_method_file_size =
    {params_method_file_size, 1, &type_u32, false};

demo_editor_files_borrow_file demo_editor_files_file_borrow(
        demo_editor_files_own_file own) {
            return (demo_editor_files_borrow_file){own.handle};
        }

const cmabi_resource_type *demo_editor_files_file_resource_type(void) {
    static _Atomic(cmabi_resource_type *) made;
    cmabi_resource_type *type = atomic_load(&made);
    cmabi_resource_type *mine = NULL;
    if (type != NULL) return type;
    if (cmabi_resource_type_new(CMABI_STR("file"), &mine, NULL) != CMABI_STATUS_OK) return NULL;
    if (atomic_compare_exchange_strong(&made, &type, mine)) return mine;
    /* Another thread was faster. */
    cmabi_resource_type_free(mine);
    return type;
}

cmabi_status demo_editor_files_file_drop_own(
        cmabi_store *store, demo_editor_files_own_file handle, cmabi_error **error) {
    return cmabi_resource_drop(store, demo_editor_files_file_resource_type(), handle.handle, error);
}

cmabi_status demo_editor_files_file_drop_borrow(
        cmabi_store *store, demo_editor_files_borrow_file handle, cmabi_error **error) {
    return cmabi_resource_drop(store, demo_editor_files_file_resource_type(), handle.handle, error);
}

cmabi_status demo_editor_files_file_new(
        cmabi_store *store, demo_editor_files_file *rep, demo_editor_files_own_file *handle,
        cmabi_error **error) {
    return cmabi_resource_new(store, demo_editor_files_file_resource_type(), rep, &handle->handle, error);
}

cmabi_status demo_editor_files_file_rep(
        cmabi_store *store, demo_editor_files_borrow_file handle, demo_editor_files_file **rep,
        cmabi_error **error) {
    void *found = NULL;
    const cmabi_status status =
        cmabi_resource_rep(store, demo_editor_files_file_resource_type(), handle.handle, &found, error);
    if (status == CMABI_STATUS_OK) *rep = found;
    return status;
}

exports_demo_editor_editing_borrow_editor exports_demo_editor_editing_editor_borrow(
        exports_demo_editor_editing_own_editor own) {
            return (exports_demo_editor_editing_borrow_editor){own.handle};
        }

cmabi_status exports_demo_editor_editing_editor_drop_own(
        cmabi_store *store, exports_demo_editor_editing_own_editor handle, cmabi_error **error) {
    return cmabi_resource_drop(store, NULL, handle.handle, error);
}

cmabi_status exports_demo_editor_editing_editor_drop_borrow(
        cmabi_store *store, exports_demo_editor_editing_borrow_editor handle, cmabi_error **error) {
    return cmabi_resource_drop(store, NULL, handle.handle, error);
}

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

static cmabi_status offer_resource(cmabi_linker *linker, const char *interface, const char *name,
                                   const cmabi_resource_type *type, cmabi_destructor destructor,
                                   struct shared *shared, cmabi_error **error) {
    atomic_fetch_add(&shared->users, 1);
    return cmabi_linker_resource(linker, text(interface), text(name), type, destructor, shared, let_go,
                                 error);
}

static cmabi_status not_a_resource(cmabi_task *task) {
    cmabi_task_set_error(task, CMABI_STR("a borrowed handle is not of a resource of the host's"), NULL);
    return CMABI_STATUS_HOST;
}

struct shared_demo_editor_files_host {
    struct shared shared;
    demo_editor_files_host imports;
};

static void call_demo_editor_files_file_destructor(void *data, cmabi_store *store, void *rep) {
    const struct shared_demo_editor_files_host *of = data;
    (void)store;
    of->imports.file_destructor(of->imports.data, rep);
}

static cmabi_status call_demo_editor_files_constructor_file(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_editor_files_host *of = data;
    const struct {
        cmabi_string name;
    } *given = args;
    return of->imports.constructor_file(of->imports.data, task, given->name, results);
}

static cmabi_status call_demo_editor_files_method_file_write(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_editor_files_host *of = data;
    const struct {
        demo_editor_files_borrow_file self_;
        cmabi_string text;
    } *given = args;
    demo_editor_files_file *rep_self_ = NULL;
    if (demo_editor_files_file_rep(cmabi_task_store(task), given->self_, &rep_self_, NULL))
        return not_a_resource(task);
    (void)results;
    return of->imports.method_file_write(of->imports.data, task, rep_self_, given->text);
}

static cmabi_status call_demo_editor_files_method_file_size(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_editor_files_host *of = data;
    const struct {
        demo_editor_files_borrow_file self_;
    } *given = args;
    demo_editor_files_file *rep_self_ = NULL;
    if (demo_editor_files_file_rep(cmabi_task_store(task), given->self_, &rep_self_, NULL))
        return not_a_resource(task);
    return of->imports.method_file_size(of->imports.data, task, rep_self_, results);
}

static const struct offered offered_demo_editor_files_host[] = {
    {"[constructor]file", call_demo_editor_files_constructor_file, &desc_demo_editor_files_constructor_file},
    {"[method]file.write", call_demo_editor_files_method_file_write, &desc_demo_editor_files_method_file_write},
    {"[method]file.size", call_demo_editor_files_method_file_size, &desc_demo_editor_files_method_file_size},
};

static cmabi_status add_demo_editor_files_host(
        cmabi_linker *linker, const demo_editor_files_host *offers, cmabi_status status,
        cmabi_error **error) {
    const char *missing = NULL;
    if (offers == NULL) return status;
    if (offers->file_destructor == NULL) missing = "demo:editor/files#file_destructor";
    if (offers->constructor_file == NULL) missing = "demo:editor/files#[constructor]file";
    if (offers->method_file_write == NULL) missing = "demo:editor/files#[method]file.write";
    if (offers->method_file_size == NULL) missing = "demo:editor/files#[method]file.size";
    struct shared_demo_editor_files_host *of = NULL;
    if (status == CMABI_STATUS_OK && missing == NULL) of = malloc(sizeof *of);
    if (of == NULL) {
        if (offers->drop != NULL) offers->drop(offers->data);
        return status == CMABI_STATUS_OK ? cannot_offer(missing, error) : status;
    }
    of->imports = *offers;
    begin_sharing(&of->shared, offers->data, offers->drop);
    if (status == CMABI_STATUS_OK)
        status = offer_resource(linker, "demo:editor/files", "file", demo_editor_files_file_resource_type(),
                call_demo_editor_files_file_destructor, &of->shared, error);
    for (size_t i = 0; i < 3 && status == CMABI_STATUS_OK; i++)
        status = offer(linker, "demo:editor/files", &offered_demo_editor_files_host[i],
                           &of->shared, error);
    let_go(of);
    return status;
}

cmabi_status editor_add_to_linker(
        cmabi_linker *linker, const editor_imports *offers, cmabi_error **error) {
    cmabi_status status = CMABI_STATUS_OK;
    if (error != NULL) *error = NULL;
    status = add_demo_editor_files_host(linker, offers->demo_editor_files, status, error);
    return status;
}

cmabi_status editor_instantiate(
        editor *self, const cmabi_linker *linker, cmabi_store *store,
        const cmabi_component *component, cmabi_error **error) {
    self->store = store;
    cmabi_status status =
        cmabi_linker_instantiate(linker, store, component, &self->instance, error);
    if (status != CMABI_STATUS_OK) return status;
    status = cmabi_instance_described_funcs(self->instance, exports, 5, self->funcs, error);
    if (status != CMABI_STATUS_OK) editor_free(self);
    return status;
}

void editor_free(editor *self) {
    cmabi_instance_free(self->instance);
    self->instance = NULL;
}

cmabi_status exports_demo_editor_editing_constructor_editor(
        editor *self, demo_editor_files_own_file file,
        exports_demo_editor_editing_own_editor *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[0], &file, result, NULL, error);
}

cmabi_status exports_demo_editor_editing_method_editor_add(
        editor *self, exports_demo_editor_editing_borrow_editor self_, cmabi_string text,
        uint32_t *result, cmabi_error **error) {
    const struct {
        exports_demo_editor_editing_borrow_editor self_;
        cmabi_string text;
    } args = {self_, text};
    return cmabi_func_call(self->store, self->funcs[1], &args, result, NULL, error);
}

cmabi_status exports_demo_editor_editing_static_editor_close(
        editor *self, exports_demo_editor_editing_own_editor editor_,
        demo_editor_files_own_file *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[2], &editor_, result, NULL, error);
}

cmabi_status exports_demo_editor_editing_greet(
        editor *self, demo_editor_files_borrow_file file, bool *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[3], &file, result, NULL, error);
}

cmabi_status exports_demo_editor_editing_draft(
        editor *self, demo_editor_files_own_file *result, cmabi_error **error) {
    return cmabi_func_call(self->store, self->funcs[4], NULL, result, NULL, error);
}
