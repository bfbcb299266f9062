// An epoll loop that drives a store: timers answer `sleep`, a thread pool answers `digest`, and several
// calls of the guest are under way at once. event-loop.cpp does the same in C++, and prints the same.
//
//     event-loop-c jobs.wasm

#define _GNU_SOURCE // epoll, timerfd

#include "jobs.h" // generated from guest/jobs.wit

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { THREADS = 2, JOBS = 3 };

static void check(bool ok, const char *what) {
    if (!ok) {
        perror(what);
        exit(1);
    }
}

// Ends the program where a function of the library has failed. `error` is where the function wrote its
// error: an argument beside the call that were the error itself could be read before the call has set it.
static void must(cmabi_status status, cmabi_error **error) {
    if (status != CMABI_STATUS_OK) {
        const cmabi_string message = cmabi_error_message(*error);
        fprintf(stderr, "event-loop-c: %.*s\n", (int)message.len, message.ptr);
        cmabi_error_free(*error);
        exit(1);
    }
}

// ---- Timers: each is a descriptor in the loop ---------------------------------------------------

// What is in the loop: the waker, or a call of `sleep`.
typedef struct {
    int fd;
    cmabi_task *task;
} source;

static void watch(int loop, source *source) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};
    check(epoll_ctl(loop, EPOLL_CTL_ADD, source->fd, &event) == 0, "epoll_ctl");
}

static int sleeping, most_sleeping;

// sleep: async func(ms: u32); `data` is the descriptor of the loop.
static cmabi_status on_sleep(void *data, cmabi_task *task, uint32_t ms) {
    const struct itimerspec when = {
        .it_value = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L + 1}};
    source *timer = malloc(sizeof *timer);
    *timer = (source){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), task};
    check(timer->fd >= 0 && timerfd_settime(timer->fd, 0, &when, NULL) == 0, "timerfd");
    watch(*(const int *)data, timer);
    sleeping++;
    most_sleeping = sleeping > most_sleeping ? sleeping : most_sleeping;
    return CMABI_STATUS_PENDING; // the task is ours now
}

static void wake_up(source *timer) {
    cmabi_error *error = NULL;
    must(cmabi_task_return(timer->task, NULL, &error), &error);
    cmabi_task_free(timer->task);
    close(timer->fd);
    free(timer);
    sleeping--;
}

// ---- The thread pool: takes work, leaves results, and wakes the loop ----------------------------

typedef struct work {
    cmabi_task *task; // only for the store's thread
    cmabi_string text;
    cmabi_u64 digest;
    struct work *next;
} work;

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    work *waiting, *done;
    bool closing;
    cmabi_waker *waker;
} pool = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

// FNV-1a, over and over.
static cmabi_u64 digest(cmabi_string text) {
    cmabi_u64 hash = UINT64_C(0xcbf29ce484222325);
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < text.len; i++) {
            hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
        }
    }
    return hash;
}

static void *pool_thread(void *unused) {
    pthread_mutex_lock(&pool.mutex);
    while (!pool.closing) {
        work *work = pool.waiting;
        if (work == NULL) {
            pthread_cond_wait(&pool.changed, &pool.mutex);
            continue;
        }
        pool.waiting = work->next;
        pthread_mutex_unlock(&pool.mutex);
        work->digest = digest(work->text);
        pthread_mutex_lock(&pool.mutex);
        work->next = pool.done;
        pool.done = work;
        cmabi_waker_wake(pool.waker);
    }
    pthread_mutex_unlock(&pool.mutex);
    return unused;
}

static cmabi_status on_digest(void *data, cmabi_task *task, cmabi_string text, cmabi_u64 *result) {
    work *new = malloc(sizeof *new);
    *new = (work){.task = task, .text = text}; // stays until the answer
    pthread_mutex_lock(&pool.mutex);
    new->next = pool.waiting;
    pool.waiting = new;
    pthread_cond_signal(&pool.changed);
    pthread_mutex_unlock(&pool.mutex);
    (void)data, (void)result;
    return CMABI_STATUS_PENDING;
}

// Answers what the threads have finished.
static void take_results(void) {
    cmabi_waker_clear(pool.waker);
    pthread_mutex_lock(&pool.mutex);
    work *done = pool.done;
    pool.done = NULL;
    pthread_mutex_unlock(&pool.mutex);
    while (done != NULL) {
        work *work = done;
        done = work->next;
        cmabi_error *error = NULL;
        must(demo_jobs_host_digest_return(work->task, &work->digest, &error), &error);
        cmabi_task_free(work->task);
        free(work);
    }
}

// ---- The loop -----------------------------------------------------------------------------------

static void on_resolve(void *data, cmabi_subtask *subtask) {
    --*(int *)data;
    (void)subtask;
}

static void drive(int loop, cmabi_store *store, const int *running) {
    cmabi_error *error = NULL;
    for (;;) {
        must(cmabi_store_run(store, &error), &error); // all that can go on now; never blocks
        if (*running == 0) {
            return;
        }
        struct epoll_event events[16];
        const int count = epoll_wait(loop, events, 16, -1);
        for (int i = 0; i < count; i++) {
            source *source = events[i].data.ptr;
            if (source->task == NULL) {
                take_results();
            } else {
                wake_up(source);
            }
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: event-loop-c jobs.wasm\n");
        return 2;
    }
    const cmabi_string path = {argv[1], strlen(argv[1])};
    int loop = epoll_create1(EPOLL_CLOEXEC);
    check(loop >= 0, "epoll_create1");

    cmabi_error *error = NULL;
    cmabi_engine *engine;
    cmabi_component *component;
    cmabi_linker *linker;
    cmabi_store *store;
    jobs guest;
    const demo_jobs_host_host host = {.data = &loop, .sleep = on_sleep, .digest = on_digest};
    const jobs_imports imports = {&host};
    must(cmabi_engine_new(NULL, &engine, &error), &error);
    must(cmabi_component_load_file(engine, path, &component, &error), &error);
    must(cmabi_linker_new(engine, &linker, &error), &error);
    must(jobs_add_to_linker(linker, &imports, &error), &error);
    must(cmabi_store_new(engine, NULL, &store, &error), &error);
    must(jobs_instantiate(&guest, linker, store, component, &error), &error);

    must(cmabi_store_waker(store, &pool.waker, &error), &error);
    source waker = {cmabi_waker_fd(pool.waker), NULL};
    watch(loop, &waker);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        check(pthread_create(&threads[i], NULL, pool_thread, NULL) == 0, "pthread_create");
    }

    const jobs_run_args args[JOBS] = {
        {CMABI_STR("Ada"), 3, 30}, {CMABI_STR("Grace"), 2, 50}, {CMABI_STR("Barbara"), 4, 20}};
    cmabi_subtask *calls[JOBS];
    int running = JOBS;
    for (int i = 0; i < JOBS; i++) {
        must(jobs_run_start(&guest, &args[i], on_resolve, &running, NULL, &calls[i], &error), &error);
    }
    drive(loop, store, &running);
    for (int i = 0; i < JOBS; i++) {
        cmabi_subtask_state state;
        must(cmabi_subtask_state_of(calls[i], &state, &error), &error); // did a trap end it?
        const cmabi_u64 *result = jobs_run_results(calls[i]);
        printf("%s: %016" PRIx64 "\n", args[i].text.ptr, *result);
        cmabi_subtask_free(calls[i]);
    }
    printf("%d slept at once\n", most_sleeping);

    pthread_mutex_lock(&pool.mutex);
    pool.closing = true;
    pthread_cond_broadcast(&pool.changed);
    pthread_mutex_unlock(&pool.mutex);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    cmabi_waker_free(pool.waker);
    jobs_free(&guest);
    cmabi_store_free(store);
    cmabi_linker_free(linker);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
    close(loop);
}
