// Resources in both directions: `file` is the host's, `editor` is the guest's. resources.cpp does the same in
// C++, and prints the same.
//
//     resources-c editor.wasm

#include <cmabi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Ends the program where a function of the library has failed. `error` is where the function wrote its
// error: an argument beside the call that were the error itself could be read before the call has set it.
static void must(cmabi_status status, cmabi_error **error) {
    if (status != CMABI_STATUS_OK) {
        const cmabi_string message = cmabi_error_message(*error);
        fprintf(stderr, "resources-c: %.*s\n", (int)message.len, message.ptr);
        cmabi_error_free(*error);
        exit(1);
    }
}

// ---- The host's resource ------------------------------------------------------------------------

typedef struct {
    char name[32];
    uint32_t size;
} file;

static cmabi_resource_type *file_type;

static file *new_file(cmabi_string name) {
    file *new = calloc(1, sizeof *new);
    snprintf(new->name, sizeof new->name, "%.*s", (int)name.len, name.ptr);
    return new;
}

// The last handle that owned the file is gone.
static void destroy(void *data, cmabi_store *store, void *rep) {
    file *old = rep;
    printf("  %s: closed with %u bytes\n", old->name, (unsigned)old->size);
    free(old);
    (void)data, (void)store;
}

// [constructor]file: func(name: string) -> own<file>
static cmabi_status on_constructor(void *data, cmabi_task *task, const void *args, void *results) {
    file *new = new_file(*(const cmabi_string *)args);
    (void)data;
    return cmabi_resource_new(cmabi_task_store(task), file_type, new, results, NULL);
}

// The file of a method's first parameter, `self: borrow<file>`.
static file *self(cmabi_task *task, uint32_t handle) {
    void *rep = NULL;
    cmabi_resource_rep(cmabi_task_store(task), file_type, handle, &rep, NULL);
    return rep;
}

// [method]file.write: func(self: borrow<file>, text: string)
static cmabi_status on_write(void *data, cmabi_task *task, const void *args, void *results) {
    const struct {
        uint32_t self;
        cmabi_string text;
    } *write = args;
    file *to = self(task, write->self);
    printf("  %s: %u bytes more\n", to->name, (unsigned)write->text.len);
    to->size += (uint32_t)write->text.len;
    (void)data, (void)results;
    return CMABI_STATUS_OK;
}

// [method]file.size: func(self: borrow<file>) -> u32
static cmabi_status on_size(void *data, cmabi_task *task, const void *args, void *results) {
    *(uint32_t *)results = self(task, *(const uint32_t *)args)->size;
    (void)data;
    return CMABI_STATUS_OK;
}

static void offer_files(cmabi_linker *linker) {
    const cmabi_string files = CMABI_STR("demo:editor/files");
    cmabi_error *error = NULL;
    must(cmabi_resource_type_new(CMABI_STR("file"), &file_type, &error), &error);
    must(cmabi_linker_resource(linker, files, CMABI_STR("file"), file_type, destroy, NULL, NULL, &error),
         &error);
    const struct {
        cmabi_string name;
        cmabi_host_func func;
    } funcs[] = {{CMABI_STR("[constructor]file"), on_constructor},
                 {CMABI_STR("[method]file.write"), on_write},
                 {CMABI_STR("[method]file.size"), on_size}};
    for (size_t i = 0; i < 3; i++) {
        must(cmabi_linker_func(linker, files, funcs[i].name, funcs[i].func, NULL, NULL, &error), &error);
    }
}

// ---- The guest's resource -----------------------------------------------------------------------

typedef struct {
    cmabi_store *store;
    cmabi_instance *instance;
} host;

// Calls a function of `demo:editor/editing`.
static void call(const host *host, const char *name, const void *args, void *results) {
    char path[64];
    const int len = snprintf(path, sizeof path, "demo:editor/editing#%s", name);
    cmabi_error *error = NULL;
    const cmabi_func *func;
    must(cmabi_instance_func(host->instance, (cmabi_string){path, (size_t)len}, &func, &error), &error);
    must(cmabi_func_call(host->store, func, args, results, NULL, &error), &error);
}

static uint32_t add(const host *host, uint32_t editor, cmabi_string text) {
    const struct {
        uint32_t self;
        cmabi_string text;
    } args = {editor, text};
    uint32_t lines;
    call(host, "[method]editor.add", &args, &lines);
    return lines;
}

static void edit(const host *host) {
    cmabi_error *error = NULL;
    uint32_t notes, editor, draft;
    bool greeted;

    puts("a file of the host's, lent to the guest");
    must(cmabi_resource_new(host->store, file_type, new_file(CMABI_STR("notes")), &notes, &error), &error);
    call(host, "greet", &notes, &greeted);
    printf("greeted: %s\n", greeted ? "yes" : "no");
    call(host, "greet", &notes, &greeted);
    printf("greeted: %s\n", greeted ? "yes" : "no");

    puts("given to an editor, and back");
    call(host, "[constructor]editor", &notes, &editor); // `notes` is no handle any more
    add(host, editor, CMABI_STR("one"));
    printf("lines: %u\n", (unsigned)add(host, editor, CMABI_STR("two")));
    call(host, "[static]editor.close", &editor, &notes);
    void *rep;
    must(cmabi_resource_rep(host->store, file_type, notes, &rep, &error), &error);
    printf("%s has %u bytes\n", ((file *)rep)->name, (unsigned)((file *)rep)->size);

    puts("dropping a handle runs the destructor, here or there");
    must(cmabi_resource_drop(host->store, file_type, notes, &error), &error);
    call(host, "draft", NULL, &draft);
    call(host, "[constructor]editor", &draft, &editor);
    must(cmabi_resource_drop(host->store, NULL, editor, &error), &error); // and with it its file

    puts("a handle that is used up is refused");
    const cmabi_status status = cmabi_resource_drop(host->store, file_type, notes, &error);
    if (status == CMABI_STATUS_INVALID_ARGUMENT) {
        puts("refused"); // "handle 1 is not a resource of type "file": it refers to nothing"
    }
    cmabi_error_free(error);

    puts("what is left goes with the store");
    call(host, "draft", NULL, &draft);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: resources-c editor.wasm\n");
        return 2;
    }
    const cmabi_string path = {argv[1], strlen(argv[1])};
    cmabi_error *error = NULL;
    cmabi_engine *engine;
    cmabi_component *component;
    cmabi_linker *linker;
    host host;
    must(cmabi_engine_new(NULL, &engine, &error), &error);
    must(cmabi_component_load_file(engine, path, &component, &error), &error);
    must(cmabi_linker_new(engine, &linker, &error), &error);
    offer_files(linker);
    must(cmabi_store_new(engine, NULL, &host.store, &error), &error);
    must(cmabi_linker_instantiate(linker, host.store, component, &host.instance, &error), &error);
    edit(&host);
    cmabi_instance_free(host.instance);
    cmabi_store_free(host.store);
    cmabi_resource_type_free(file_type);
    cmabi_linker_free(linker);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
}
