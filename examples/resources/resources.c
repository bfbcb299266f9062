// Resources in both directions: `file` is the host's, `editor` is the guest's. resources.cpp does the same in
// C++, and prints the same.
//
//     resources-c editor.wasm

#include "editor.h" // generated from guest/editor.wit

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

struct demo_editor_files_file {
    char name[32];
    uint32_t size;
};
typedef demo_editor_files_file file;

static file *new_file(cmabi_string name) {
    file *new = calloc(1, sizeof *new);
    snprintf(new->name, sizeof new->name, "%.*s", (int)name.len, name.ptr);
    return new;
}

// The last handle that owned the file is gone.
static void destroy(void *data, file *old) {
    printf("  %s: closed with %u bytes\n", old->name, (unsigned)old->size);
    free(old);
    (void)data;
}

static cmabi_status on_constructor(void *data, cmabi_task *task, cmabi_string name,
                                   demo_editor_files_own_file *result) {
    (void)data;
    return demo_editor_files_file_new(cmabi_task_store(task), new_file(name), result, NULL);
}

static cmabi_status on_write(void *data, cmabi_task *task, file *self, cmabi_string text) {
    printf("  %s: %u bytes more\n", self->name, (unsigned)text.len);
    self->size += (uint32_t)text.len;
    (void)data, (void)task;
    return CMABI_STATUS_OK;
}

static cmabi_status on_size(void *data, cmabi_task *task, file *self, uint32_t *result) {
    *result = self->size;
    (void)data, (void)task;
    return CMABI_STATUS_OK;
}

static const demo_editor_files_host files = {.file_destructor = destroy,
                                             .constructor_file = on_constructor,
                                             .method_file_write = on_write,
                                             .method_file_size = on_size};

// ---- The guest's resource -----------------------------------------------------------------------

static uint32_t add(editor *guest, exports_demo_editor_editing_own_editor to, cmabi_string text) {
    cmabi_error *error = NULL;
    uint32_t lines;
    const exports_demo_editor_editing_borrow_editor lent = exports_demo_editor_editing_editor_borrow(to);
    must(exports_demo_editor_editing_method_editor_add(guest, lent, text, &lines, &error), &error);
    return lines;
}

static bool greet(editor *guest, demo_editor_files_own_file file) {
    cmabi_error *error = NULL;
    bool greeted;
    must(exports_demo_editor_editing_greet(guest, demo_editor_files_file_borrow(file), &greeted, &error),
         &error);
    return greeted;
}

static void edit(editor *guest) {
    cmabi_error *error = NULL;
    demo_editor_files_own_file notes, draft;
    exports_demo_editor_editing_own_editor writer;

    puts("a file of the host's, lent to the guest");
    must(demo_editor_files_file_new(guest->store, new_file(CMABI_STR("notes")), &notes, &error), &error);
    printf("greeted: %s\n", greet(guest, notes) ? "yes" : "no");
    printf("greeted: %s\n", greet(guest, notes) ? "yes" : "no");

    puts("given to an editor, and back");
    // `notes` is no handle any more afterwards.
    must(exports_demo_editor_editing_constructor_editor(guest, notes, &writer, &error), &error);
    add(guest, writer, CMABI_STR("one"));
    printf("lines: %u\n", (unsigned)add(guest, writer, CMABI_STR("two")));
    must(exports_demo_editor_editing_static_editor_close(guest, writer, &notes, &error), &error);
    file *closed;
    must(demo_editor_files_file_rep(guest->store, demo_editor_files_file_borrow(notes), &closed, &error),
         &error);
    printf("%s has %u bytes\n", closed->name, (unsigned)closed->size);

    puts("dropping a handle runs the destructor, here or there");
    must(demo_editor_files_file_drop_own(guest->store, notes, &error), &error);
    must(exports_demo_editor_editing_draft(guest, &draft, &error), &error);
    must(exports_demo_editor_editing_constructor_editor(guest, draft, &writer, &error), &error);
    // And with it its file.
    must(exports_demo_editor_editing_editor_drop_own(guest->store, writer, &error), &error);

    puts("a handle that is used up is refused");
    const cmabi_status status = demo_editor_files_file_drop_own(guest->store, notes, &error);
    if (status == CMABI_STATUS_INVALID_ARGUMENT) {
        puts("refused"); // "handle 1 is not a resource of type "file": it refers to nothing"
    }
    cmabi_error_free(error);

    puts("what is left goes with the store");
    must(exports_demo_editor_editing_draft(guest, &draft, &error), &error);
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
    cmabi_store *store;
    editor guest;
    const editor_imports imports = {&files};
    must(cmabi_engine_new(NULL, &engine, &error), &error);
    must(cmabi_component_load_file(engine, path, &component, &error), &error);
    must(cmabi_linker_new(engine, &linker, &error), &error);
    must(editor_add_to_linker(linker, &imports, &error), &error);
    must(cmabi_store_new(engine, NULL, &store, &error), &error);
    must(editor_instantiate(&guest, linker, store, component, &error), &error);
    edit(&guest);
    editor_free(&guest);
    cmabi_store_free(store);
    cmabi_linker_free(linker);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
}
