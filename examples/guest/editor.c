// The guest of the resources example: implements `editor`, and uses `file`, which the host implements.

#include "editor.h"

#include <stdlib.h>

typedef demo_editor_files_own_file_t file;

struct exports_demo_editor_editing_editor_t {
    file file; // 0 when it was given back
    uint32_t lines;
};
typedef exports_demo_editor_editing_editor_t editor;
typedef exports_demo_editor_editing_own_editor_t own_editor;

static void write(demo_editor_files_borrow_file_t file, const char *text) {
    editor_string_t string;
    editor_string_set(&string, text);
    demo_editor_files_method_file_write(file, &string);
}

own_editor exports_demo_editor_editing_constructor_editor(file file) {
    editor *new = calloc(1, sizeof *new);
    new->file = file;
    return exports_demo_editor_editing_editor_new(new);
}

uint32_t exports_demo_editor_editing_method_editor_add(editor *self, editor_string_t *text) {
    const demo_editor_files_borrow_file_t file = demo_editor_files_borrow_file(self->file);
    demo_editor_files_method_file_write(file, text);
    write(file, "\n");
    editor_string_free(text);
    return ++self->lines;
}

file exports_demo_editor_editing_static_editor_close(own_editor handle) {
    editor *self = exports_demo_editor_editing_editor_rep(handle);
    const file file = self->file;
    self->file.__handle = 0;
    exports_demo_editor_editing_editor_drop_own(handle);
    return file;
}

// Called when the last owner drops an editor, be it the host.
void exports_demo_editor_editing_editor_destructor(editor *self) {
    if (self->file.__handle != 0) {
        demo_editor_files_file_drop_own(self->file);
    }
    free(self);
}

bool exports_demo_editor_editing_greet(demo_editor_files_borrow_file_t file) {
    const bool empty = demo_editor_files_method_file_size(file) == 0;
    if (empty) {
        write(file, "Hello!\n");
    }
    demo_editor_files_file_drop_borrow(file); // before the call is over
    return empty;
}

file exports_demo_editor_editing_draft(void) {
    editor_string_t name;
    editor_string_set(&name, "draft");
    return demo_editor_files_constructor_file(&name);
}
