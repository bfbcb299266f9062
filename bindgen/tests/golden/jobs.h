/* Written by cmabi bindgen 0.2.0 from `jobs.wit`, world `jobs`. Do not edit. */
#ifndef JOBS_H
#define JOBS_H

#include <cmabi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a component imports as `demo:jobs/host`. Each function is called with `data`, and is as
/// `cmabi_host_func` says; `drop`, which may be NULL, is called once, when `data` is not needed any more.
typedef struct demo_jobs_host_host {
    void *data;
    void (*drop)(void *data);
    /// Waits for that many milliseconds.
    cmabi_status (*sleep)(void *data, cmabi_task *task, uint32_t ms);
    /// Hard work, which the host leaves to other threads.
    cmabi_status (*digest)(void *data, cmabi_task *task, cmabi_string text, cmabi_u64 *result);
} demo_jobs_host_host;
/// Answers a call of `digest` that is pending: see `cmabi_task_return`.
cmabi_status demo_jobs_host_digest_return(
        cmabi_task *task, const cmabi_u64 *result, cmabi_error **error);

/// What the host offers to components. An interface that is NULL here has to come from elsewhere.
typedef struct jobs_imports {
    const demo_jobs_host_host *demo_jobs_host;
} jobs_imports;
/// Offers components all that `offers` has. The structs are copied. `CMABI_STATUS_INVALID_ARGUMENT`
/// where a function is NULL: the message names it. The data of each struct is dropped once in
/// any case: at once where this fails, otherwise with the linker and the stores that use it.
cmabi_status jobs_add_to_linker(
        cmabi_linker *linker, const jobs_imports *offers, cmabi_error **error);

/// An instance of a component for the world `jobs`, whose functions have been looked up. The
/// members are for generated code, and for calls of `cmabi.h`.
typedef struct jobs {
    cmabi_store *store;
    cmabi_instance *instance;
    const cmabi_func *funcs[1];
} jobs;

/// Makes an instance in `store`, and looks up and checks all functions that it exports.
/// `CMABI_STATUS_TYPE_MISMATCH` where some are missing or have other types: the message
/// lists each one with both types. On success `*self` is to be given to the function below.
cmabi_status jobs_instantiate(
        jobs *self, const cmabi_linker *linker, cmabi_store *store,
        const cmabi_component *component, cmabi_error **error);
/// Frees the instance's handle, before or after the store. One that is all zero is fine.
void jobs_free(jobs *self);

/// Sleeps and digests `text` in turn, `rounds` times each; the digests put together.
cmabi_status jobs_run(
        jobs *self, cmabi_string text, uint32_t rounds, uint32_t pause, cmabi_u64 *result,
        cmabi_error **error);
typedef struct jobs_run_args {
    cmabi_string text;
    uint32_t rounds;
    uint32_t pause;
} jobs_run_args;
/// Starts a call: see `cmabi_func_start`, also for how long the arguments have to stay.
cmabi_status jobs_run_start(
        jobs *self, const jobs_run_args *args, cmabi_on_resolve on_resolve, void *data,
        cmabi_drop drop, cmabi_subtask **subtask, cmabi_error **error);
/// The result of a call that was started: see `cmabi_subtask_results`.
const cmabi_u64 *jobs_run_results(const cmabi_subtask *subtask);

#ifdef __cplusplus
}
#endif

#endif /* JOBS_H */
