// Two plug-ins in two languages, of the same world, each in a store of its own with limits of its own. One
// of them misbehaves: it is thrown out, and the other goes on. plugins.cpp does the same in C++, and prints
// the same.
//
//     plugins-c PLUGIN.wasm...

#include "plugin.h" // generated from guest/plugins.wit

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PLUGINS = 4 };
// What one call may take: instructions, and bytes of linear memory.
enum { FUEL = 1000000, MEMORY = 2 << 20 };

// Ends the program where a function of the library has failed.
static void must(cmabi_status status, cmabi_error **error) {
    if (status != CMABI_STATUS_OK) {
        const cmabi_string message = cmabi_error_message(*error);
        fflush(stdout);
        fprintf(stderr, "plugins-c: %.*s\n", (int)message.len, message.ptr);
        cmabi_error_free(*error);
        exit(1);
    }
}

// ---- The host's resource ------------------------------------------------------------------------

struct demo_plugins_documents_document {
    char title[32];
    char text[64];
};
typedef demo_plugins_documents_document document;
typedef demo_plugins_documents_own_document own_document;

static cmabi_string string(const char *text) {
    return (cmabi_string){text, strlen(text)};
}

static void copy_text(document *self, cmabi_string text) {
    snprintf(self->text, sizeof self->text, "%.*s", (int)text.len, text.ptr);
}

static cmabi_status on_title(void *data, cmabi_task *task, document *self, cmabi_string *result) {
    *result = string(self->title);
    (void)data, (void)task;
    return CMABI_STATUS_OK;
}

static cmabi_status on_text(void *data, cmabi_task *task, document *self, cmabi_string *result) {
    *result = string(self->text);
    (void)data, (void)task;
    return CMABI_STATUS_OK;
}

static cmabi_status on_replace(void *data, cmabi_task *task, document *self, cmabi_string text) {
    copy_text(self, text);
    (void)data, (void)task;
    return CMABI_STATUS_OK;
}

// Documents are the editor's own, below: there is nothing to free.
static void keep(void *data, document *self) {
    (void)data, (void)self;
}

static const demo_plugins_documents_host documents = {.document_destructor = keep,
                                                      .method_document_title = on_title,
                                                      .method_document_text = on_text,
                                                      .method_document_replace = on_replace};

// ---- Plug-ins -----------------------------------------------------------------------------------

typedef struct {
    plugin world;
    char name[32];
} loaded;

static loaded load(cmabi_engine *engine, cmabi_linker *linker, const char *file) {
    loaded new = {0};
    cmabi_error *error = NULL;
    cmabi_config *config;
    cmabi_store *store;
    cmabi_component *component;
    cmabi_arena *arena;
    exports_demo_plugins_filter_info info;
    must(cmabi_config_new(&config, &error), &error);
    must(cmabi_config_set_max_guest_bytes(config, MEMORY, &error), &error);
    must(cmabi_config_set_fuel(config, FUEL, &error), &error);
    must(cmabi_store_new(engine, config, &store, &error), &error);
    must(cmabi_component_load_file(engine, string(file), &component, &error), &error);
    must(plugin_instantiate(&new.world, linker, store, component, &error), &error);
    must(cmabi_arena_new(0, &arena, &error), &error);
    must(exports_demo_plugins_filter_describe(&new.world, arena, &info, &error), &error);
    snprintf(new.name, sizeof new.name, "%.*s", (int)info.name.len, info.name.ptr);
    printf("%s, written in %.*s\n", new.name, (int)info.language.len, info.language.ptr);
    cmabi_arena_free(arena);
    cmabi_component_free(component);
    cmabi_config_free(config);
    return new;
}

static void unload(loaded *old) {
    plugin_free(&old->world);
    cmabi_store_free(old->world.store); // with all that it had
    old->world.store = NULL;
}

// Fails where the plug-in misbehaves.
static cmabi_status apply(loaded *to, document *text) {
    cmabi_error *error = NULL;
    cmabi_store *store = to->world.store;
    cmabi_arena *arena;
    own_document lent;
    exports_demo_plugins_filter_result_u32_string changes;
    must(cmabi_arena_new(0, &arena, &error), &error);
    must(cmabi_store_set_fuel(store, FUEL, &error), &error);
    document copy = *text;
    must(demo_plugins_documents_document_new(store, &copy, &lent, &error), &error);
    const cmabi_status status = exports_demo_plugins_filter_apply(
        &to->world, demo_plugins_documents_document_borrow(lent), arena, &changes, &error);
    if (status != CMABI_STATUS_OK) {
        cmabi_error_free(error);
    } else {
        must(demo_plugins_documents_document_drop_own(store, lent, &error), &error);
        if (changes.is_err) {
            printf("  %s makes none: %.*s\n", to->name, (int)changes.val.err.len, changes.val.err.ptr);
        } else {
            printf("  %s makes %u changes\n", to->name, (unsigned)changes.val.ok);
            *text = copy;
        }
    }
    cmabi_arena_free(arena);
    return status;
}

static void edit(loaded *plugins, const char *title, const char *text) {
    document edited;
    snprintf(edited.title, sizeof edited.title, "%s", title);
    copy_text(&edited, string(text));
    printf("%s: %s\n", title, text);
    for (loaded *each = plugins; each < plugins + MOST_PLUGINS; each++) {
        if (each->world.store == NULL) continue;
        const cmabi_status status = apply(each, &edited);
        if (status == CMABI_STATUS_OK) continue;
        printf("  %s %s, and is thrown out\n", each->name,
               status == CMABI_STATUS_LIMIT ? "took too much" : "failed");
        unload(each);
    }
    printf("  -> %s\n", edited.text);
}

int main(int argc, char **argv) {
    cmabi_error *error = NULL;
    cmabi_engine *engine;
    cmabi_linker *linker;
    loaded plugins[MOST_PLUGINS] = {0};
    const plugin_imports imports = {&documents};
    must(cmabi_engine_new(NULL, &engine, &error), &error);
    must(cmabi_linker_new(engine, &linker, &error), &error);
    must(plugin_add_to_linker(linker, &imports, &error), &error);
    for (int i = 1; i < argc && i <= MOST_PLUGINS; i++) plugins[i - 1] = load(engine, linker, argv[i]);

    edit(plugins, "note", "meet Ada at 10:30");
    edit(plugins, "shopping", "tea, milk");
    edit(plugins, "menu", "caf\303\251 au lait: 4.20");
    edit(plugins, "call", "ring 555-0199");

    for (int i = 0; i < MOST_PLUGINS; i++) unload(&plugins[i]);
    cmabi_linker_free(linker);
    cmabi_engine_free(engine);
}
