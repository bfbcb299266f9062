/* Written by cmabi bindgen 0.2.0 from `editor.wit`, world `editor`. Do not edit. */
#ifndef EDITOR_H
#define EDITOR_H

#include <cmabi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* demo:editor/files */

/// A file of the host's.
/// Implemented by the host, which defines this struct.
typedef struct demo_editor_files_file demo_editor_files_file;
typedef struct demo_editor_files_own_file {
    uint32_t handle;
} demo_editor_files_own_file;
typedef struct demo_editor_files_borrow_file {
    uint32_t handle;
} demo_editor_files_borrow_file;

/* demo:editor/editing */

typedef demo_editor_files_own_file exports_demo_editor_editing_own_file;
typedef demo_editor_files_borrow_file exports_demo_editor_editing_borrow_file;

/// Writes a file line by line.
typedef struct exports_demo_editor_editing_own_editor {
    uint32_t handle;
} exports_demo_editor_editing_own_editor;
typedef struct exports_demo_editor_editing_borrow_editor {
    uint32_t handle;
} exports_demo_editor_editing_borrow_editor;

/// Lends what is owned, to be passed to a call.
demo_editor_files_borrow_file demo_editor_files_file_borrow(demo_editor_files_own_file own);
/// Drops a handle: see `cmabi_resource_drop`.
cmabi_status demo_editor_files_file_drop_own(
        cmabi_store *store, demo_editor_files_own_file handle, cmabi_error **error);
cmabi_status demo_editor_files_file_drop_borrow(
        cmabi_store *store, demo_editor_files_borrow_file handle, cmabi_error **error);
/// The type that the program has for it; NULL where there is no memory for one.
const cmabi_resource_type *demo_editor_files_file_resource_type(void);
/// Makes a handle that owns `rep`: see `cmabi_resource_new`.
cmabi_status demo_editor_files_file_new(
        cmabi_store *store, demo_editor_files_file *rep, demo_editor_files_own_file *handle,
        cmabi_error **error);
/// What a handle stands for: see `cmabi_resource_rep`.
cmabi_status demo_editor_files_file_rep(
        cmabi_store *store, demo_editor_files_borrow_file handle, demo_editor_files_file **rep,
        cmabi_error **error);

/// Lends what is owned, to be passed to a call.
exports_demo_editor_editing_borrow_editor exports_demo_editor_editing_editor_borrow(
        exports_demo_editor_editing_own_editor own);
/// Drops a handle: see `cmabi_resource_drop`.
cmabi_status exports_demo_editor_editing_editor_drop_own(
        cmabi_store *store, exports_demo_editor_editing_own_editor handle, cmabi_error **error);
cmabi_status exports_demo_editor_editing_editor_drop_borrow(
        cmabi_store *store, exports_demo_editor_editing_borrow_editor handle, cmabi_error **error);

/// What a component imports as `demo:editor/files`. Each function is called with `data`, and is as
/// `cmabi_host_func` says; `drop`, which may be NULL, is called once, when `data` is not needed any more.
typedef struct demo_editor_files_host {
    void *data;
    void (*drop)(void *data);
    /// Called once for each resource, when nobody owns it any more.
    void (*file_destructor)(void *data, demo_editor_files_file *rep);
    cmabi_status (*constructor_file)(
            void *data, cmabi_task *task, cmabi_string name, demo_editor_files_own_file *result);
    cmabi_status (*method_file_write)(
            void *data, cmabi_task *task, demo_editor_files_file *self_, cmabi_string text);
    cmabi_status (*method_file_size)(
            void *data, cmabi_task *task, demo_editor_files_file *self_, uint32_t *result);
} demo_editor_files_host;

/// What the host offers to components. An interface that is NULL here has to come from elsewhere.
typedef struct editor_imports {
    const demo_editor_files_host *demo_editor_files;
} editor_imports;
/// Offers components all that `offers` has. The structs are copied. `CMABI_STATUS_INVALID_ARGUMENT`
/// where a function is NULL: the message names it. The data of each struct is dropped once in
/// any case: at once where this fails, otherwise with the linker and the stores that use it.
cmabi_status editor_add_to_linker(
        cmabi_linker *linker, const editor_imports *offers, cmabi_error **error);

/// An instance of a component for the world `editor`, whose functions have been looked up. The
/// members are for generated code, and for calls of `cmabi.h`.
typedef struct editor {
    cmabi_store *store;
    cmabi_instance *instance;
    const cmabi_func *funcs[5];
} editor;

/// Makes an instance in `store`, and looks up and checks all functions that it exports.
/// `CMABI_STATUS_TYPE_MISMATCH` where some are missing or have other types: the message
/// lists each one with both types. On success `*self` is to be given to the function below.
cmabi_status editor_instantiate(
        editor *self, const cmabi_linker *linker, cmabi_store *store,
        const cmabi_component *component, cmabi_error **error);
/// Frees the instance's handle, before or after the store. One that is all zero is fine.
void editor_free(editor *self);

/// `[constructor]editor`
cmabi_status exports_demo_editor_editing_constructor_editor(
        editor *self, demo_editor_files_own_file file,
        exports_demo_editor_editing_own_editor *result, cmabi_error **error);

/// Appends a line; how many there are now.
cmabi_status exports_demo_editor_editing_method_editor_add(
        editor *self, exports_demo_editor_editing_borrow_editor self_, cmabi_string text,
        uint32_t *result, cmabi_error **error);

/// Gives back the file.
cmabi_status exports_demo_editor_editing_static_editor_close(
        editor *self, exports_demo_editor_editing_own_editor editor_,
        demo_editor_files_own_file *result, cmabi_error **error);

/// Writes a greeting into a file that it is only lent, if that is empty.
cmabi_status exports_demo_editor_editing_greet(
        editor *self, demo_editor_files_borrow_file file, bool *result, cmabi_error **error);

/// A file that the guest has made.
cmabi_status exports_demo_editor_editing_draft(
        editor *self, demo_editor_files_own_file *result, cmabi_error **error);

#ifdef __cplusplus
}
#endif

#endif /* EDITOR_H */
