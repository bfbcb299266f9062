/* Written by cmabi bindgen 0.2.0 from `jobs.wit`, world `jobs`. Do not edit. */
#include "jobs.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What WIT says of the functions, for the library to check. */
static const cmabi_type_desc type_string = {CMABI_KIND_STRING, 0, NULL, 0};
static const cmabi_type_desc type_u32 = {CMABI_KIND_U32, 0, NULL, 0};
static const cmabi_part_desc params_run[] = {
    {"text", &type_string},
    {"rounds", &type_u32},
    {"pause", &type_u32},
};
static const cmabi_type_desc type_u64 = {CMABI_KIND_U64, 0, NULL, 0};
static const cmabi_export_desc exports[] = {
    {"run", {params_run, 3, &type_u64, true}},
};
static const cmabi_part_desc params_sleep[] = {{"ms", &type_u32}};
static const cmabi_func_desc desc_demo_jobs_host_sleep = {params_sleep, 1, NULL, true};
static const cmabi_part_desc params_digest[] = {{"text", &type_string}};
static const cmabi_func_desc desc_demo_jobs_host_digest = {params_digest, 1, &type_u64, true};

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

struct shared_demo_jobs_host_host {
    struct shared shared;
    demo_jobs_host_host imports;
};

static cmabi_status call_demo_jobs_host_sleep(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_jobs_host_host *of = data;
    const struct {
        uint32_t ms;
    } *given = args;
    (void)results;
    return of->imports.sleep(of->imports.data, task, given->ms);
}

static cmabi_status call_demo_jobs_host_digest(
        void *data, cmabi_task *task, const void *args, void *results) {
    const struct shared_demo_jobs_host_host *of = data;
    const struct {
        cmabi_string text;
    } *given = args;
    return of->imports.digest(of->imports.data, task, given->text, results);
}

static const struct offered offered_demo_jobs_host_host[] = {
    {"sleep", call_demo_jobs_host_sleep, &desc_demo_jobs_host_sleep},
    {"digest", call_demo_jobs_host_digest, &desc_demo_jobs_host_digest},
};

static cmabi_status add_demo_jobs_host_host(
        cmabi_linker *linker, const demo_jobs_host_host *offers, cmabi_status status,
        cmabi_error **error) {
    const char *missing = NULL;
    if (offers == NULL) return status;
    if (offers->sleep == NULL) missing = "demo:jobs/host#sleep";
    if (offers->digest == NULL) missing = "demo:jobs/host#digest";
    struct shared_demo_jobs_host_host *of = NULL;
    if (status == CMABI_STATUS_OK && missing == NULL) of = malloc(sizeof *of);
    if (of == NULL) {
        if (offers->drop != NULL) offers->drop(offers->data);
        return status == CMABI_STATUS_OK ? cannot_offer(missing, error) : status;
    }
    of->imports = *offers;
    begin_sharing(&of->shared, offers->data, offers->drop);
    for (size_t i = 0; i < 2 && status == CMABI_STATUS_OK; i++)
        status = offer(linker, "demo:jobs/host", &offered_demo_jobs_host_host[i],
                           &of->shared, error);
    let_go(of);
    return status;
}

cmabi_status demo_jobs_host_digest_return(
        cmabi_task *task, const cmabi_u64 *result, cmabi_error **error) {
    return cmabi_task_return(task, result, error);
}

cmabi_status jobs_add_to_linker(
        cmabi_linker *linker, const jobs_imports *offers, cmabi_error **error) {
    cmabi_status status = CMABI_STATUS_OK;
    if (error != NULL) *error = NULL;
    status = add_demo_jobs_host_host(linker, offers->demo_jobs_host, status, error);
    return status;
}

cmabi_status jobs_instantiate(
        jobs *self, const cmabi_linker *linker, cmabi_store *store,
        const cmabi_component *component, cmabi_error **error) {
    self->store = store;
    cmabi_status status =
        cmabi_linker_instantiate(linker, store, component, &self->instance, error);
    if (status != CMABI_STATUS_OK) return status;
    status = cmabi_instance_described_funcs(self->instance, exports, 1, self->funcs, error);
    if (status != CMABI_STATUS_OK) jobs_free(self);
    return status;
}

void jobs_free(jobs *self) {
    cmabi_instance_free(self->instance);
    self->instance = NULL;
}

cmabi_status jobs_run(
        jobs *self, cmabi_string text, uint32_t rounds, uint32_t pause, cmabi_u64 *result,
        cmabi_error **error) {
    const struct {
        cmabi_string text;
        uint32_t rounds;
        uint32_t pause;
    } args = {text, rounds, pause};
    return cmabi_func_call(self->store, self->funcs[0], &args, result, NULL, error);
}

cmabi_status jobs_run_start(
        jobs *self, const jobs_run_args *args, cmabi_on_resolve on_resolve, void *data,
        cmabi_drop drop, cmabi_subtask **subtask, cmabi_error **error) {
    return cmabi_func_start(self->store, self->funcs[0], args, on_resolve, data, drop, subtask,
        error);
}

const cmabi_u64 *jobs_run_results(const cmabi_subtask *subtask) {
    return cmabi_subtask_results(subtask);
}
