// Streams and futures: a guest as a filter between a source and a sink of the host's, a file that goes through
// it no faster than it is taken, and a future that another thread resolves. streams.cpp does the same in C++,
// and prints the same.
//
//     streams-c pipe.wasm

#define _DEFAULT_SOURCE // usleep

#include "pipe.h" // generated from guest/pipe.wit

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Ends the program where a function of the library has failed. `error` is where the function wrote its
// error: an argument beside the call that were the error itself could be read before the call has set it.
static void must(cmabi_status status, cmabi_error **error) {
    if (status != CMABI_STATUS_OK) {
        const cmabi_string message = cmabi_error_message(*error);
        fprintf(stderr, "streams-c: %.*s\n", (int)message.len, message.ptr);
        cmabi_error_free(*error);
        exit(1);
    }
}

static cmabi_store *store;
static demo_pipe guest;

// Gives `shout` a stream and gets one.
static demo_pipe_stream_u8 shout(demo_pipe_stream_u8 text) {
    cmabi_error *error = NULL;
    demo_pipe_stream_u8 loud;
    must(demo_pipe_shout(&guest, text, &loud, &error), &error);
    return loud;
}

// ---- A filter: text goes in, and comes out as it is read -----------------------------------------

typedef struct {
    demo_pipe_stream_u8_writer end;
    const char *left;
} source;

static void write_left(source *source);

static void some_written(void *data, cmabi_store *store, uint32_t end, cmabi_copy_result result, uint32_t count) {
    (void)store, (void)end;
    source *source = data;
    source->left += count;
    if (result == CMABI_COPY_RESULT_COMPLETED) {
        write_left(source);
    }
}

// Writes what is taken at once; `some_written` goes on when the guest has come for more.
static void write_left(source *source) {
    cmabi_error *error = NULL;
    cmabi_copied copied = {CMABI_COPY_RESULT_COMPLETED, 0};
    while (*source->left != '\0' && copied.result == CMABI_COPY_RESULT_COMPLETED) {
        must(demo_pipe_stream_u8_write(store, source->end, (const uint8_t *)source->left, (uint32_t)strlen(source->left),
                                  some_written, source, NULL, &copied, &error), &error);
        source->left += copied.count;
    }
    if (copied.result != CMABI_COPY_RESULT_BLOCKED) {
        must(demo_pipe_stream_u8_writer_drop(store, source->end, &error), &error); // the end of the stream
    }
}

static void filter(void) {
    cmabi_error *error = NULL;
    source source = {.left = "streams are values: a host makes them, and a guest reads them\n"};
    demo_pipe_stream_u8 text;
    must(demo_pipe_stream_u8_new(store, &text, &source.end, &error), &error);
    const demo_pipe_stream_u8 loud = shout(text);
    write_left(&source);

    // A set waits for any number of ends; one that is blocked lets guests run.
    uint32_t set;
    must(cmabi_waitable_set_new(store, &set, &error), &error);
    must(cmabi_waitable_join(store, loud.handle, set, &error), &error);
    cmabi_copied copied = {CMABI_COPY_RESULT_COMPLETED, 0};
    while (copied.result != CMABI_COPY_RESULT_DROPPED) {
        uint8_t buffer[16];
        must(demo_pipe_stream_u8_read(store, loud, buffer, sizeof buffer, NULL, NULL, NULL, &copied, &error), &error);
        if (copied.result == CMABI_COPY_RESULT_BLOCKED) {
            cmabi_event event;
            must(cmabi_waitable_set_wait(store, set, &event, &error), &error);
            copied = (cmabi_copied){event.result, event.count};
        }
        fwrite(buffer, 1, copied.count, stdout);
    }
    must(cmabi_waitable_join(store, loud.handle, 0, &error), &error);
    must(cmabi_waitable_set_drop(store, set, &error), &error);
    must(demo_pipe_stream_u8_drop(store, loud, &error), &error);
}

// ---- A file: read to where the guest wants it, written from where the guest has it ----------------

typedef struct {
    FILE *from, *to;
    size_t read, written, most_ahead;
} copy;

static uint32_t read_file(void *data, void *room, uint32_t count) {
    copy *copy = data;
    const size_t got = fread(room, 1, count, copy->from);
    copy->read += got;
    if (copy->read - copy->written > copy->most_ahead) {
        copy->most_ahead = copy->read - copy->written;
    }
    return (uint32_t)got;
}

// Called inside the guest's read: what is written here is what the guest gets at once.
static cmabi_status guest_reads(void *data, cmabi_store *store, uint32_t end, cmabi_stream_signal signal) {
    if (signal == CMABI_STREAM_SIGNAL_WAITS) {
        cmabi_error *error = NULL;
        cmabi_copied copied;
        must(cmabi_stream_write_in_place(store, end, read_file, data, &copied, &error), &error);
        if (copied.count == 0) {
            must(cmabi_stream_drop(store, end, &error), &error); // the end of the file
        }
    }
    return CMABI_STATUS_OK;
}

// A slow sink: it takes a thousand bytes at a time.
static uint32_t write_file(void *data, const void *bytes, uint32_t count) {
    copy *copy = data;
    const uint32_t taken = count < 1000 ? count : 1000;
    copy->written += fwrite(bytes, 1, taken, copy->to);
    return taken;
}

static void copy_file(void) {
    copy copy = {tmpfile(), tmpfile(), 0, 0, 0};
    for (int i = 0; i < 20000; i++) {
        fprintf(copy.from, "this is line %d\n", i);
    }
    rewind(copy.from);

    cmabi_error *error = NULL;
    demo_pipe_stream_u8 text;
    demo_pipe_stream_u8_writer end;
    must(demo_pipe_stream_u8_new(store, &text, &end, &error), &error);
    must(cmabi_stream_watch(store, end.handle, guest_reads, &copy, NULL, &error), &error);
    const demo_pipe_stream_u8 loud = shout(text);
    cmabi_copied copied = {CMABI_COPY_RESULT_COMPLETED, 0};
    while (copied.result != CMABI_COPY_RESULT_DROPPED) {
        must(cmabi_store_run(store, &error), &error);
        must(cmabi_stream_read_in_place(store, loud.handle, write_file, &copy, &copied, &error), &error);
    }
    must(demo_pipe_stream_u8_drop(store, loud, &error), &error);

    char line[32];
    rewind(copy.to);
    fgets(line, sizeof line, copy.to);
    printf("copied %zu of %zu bytes, never more than %zu ahead; the first line is %s", copy.written, copy.read,
           copy.most_ahead, line);
    fclose(copy.from);
    fclose(copy.to);
}

// ---- A future: another thread finds the value, the store's thread writes it -------------------------

typedef struct {
    cmabi_waker *waker;
    pthread_mutex_t mutex;
    const char *name;
} promise;

static void *find_name(void *data) {
    promise *promise = data;
    usleep(20 * 1000);
    pthread_mutex_lock(&promise->mutex);
    promise->name = "Ada";
    pthread_mutex_unlock(&promise->mutex);
    cmabi_waker_wake(promise->waker);
    return NULL;
}

static void greet(void) {
    cmabi_error *error = NULL;
    promise promise = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    must(cmabi_store_waker(store, &promise.waker, &error), &error);
    pthread_t thread;
    if (pthread_create(&thread, NULL, find_name, &promise) != 0) {
        exit(1);
    }
    demo_pipe_greet_args args;
    demo_pipe_future_string_writer end;
    must(demo_pipe_future_string_new(store, &args.name, &end, &error), &error);
    cmabi_subtask *call;
    must(demo_pipe_greet_start(&guest, &args, NULL, NULL, NULL, &call, &error), &error);

    // The loop of a program would wait for other things, too.
    struct pollfd loop = {.fd = cmabi_waker_fd(promise.waker), .events = POLLIN};
    poll(&loop, 1, -1);
    cmabi_waker_clear(promise.waker);
    pthread_mutex_lock(&promise.mutex);
    const cmabi_string name = {promise.name, strlen(promise.name)};
    pthread_mutex_unlock(&promise.mutex);
    cmabi_copied copied;
    must(demo_pipe_future_string_write(store, end, &name, NULL, NULL, NULL, &copied, &error), &error);
    must(cmabi_store_run(store, &error), &error);
    must(demo_pipe_future_string_writer_drop(store, end, &error), &error);

    const cmabi_string *greeting = demo_pipe_greet_results(call);
    printf("%.*s\n", (int)greeting->len, greeting->ptr);
    cmabi_subtask_free(call);
    pthread_join(thread, NULL);
    cmabi_waker_free(promise.waker);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: streams-c pipe.wasm\n");
        return 2;
    }
    cmabi_error *error = NULL;
    cmabi_engine *engine;
    must(cmabi_engine_new(NULL, &engine, &error), &error);
    cmabi_component *component;
    const cmabi_string path = {argv[1], strlen(argv[1])};
    must(cmabi_component_load_file(engine, path, &component, &error), &error);
    cmabi_linker *linker;
    must(cmabi_linker_new(engine, &linker, &error), &error);
    must(cmabi_store_new(engine, NULL, &store, &error), &error);
    must(demo_pipe_instantiate(&guest, linker, store, component, &error), &error);

    filter();
    copy_file();
    greet();

    demo_pipe_free(&guest);
    cmabi_store_free(store);
    cmabi_linker_free(linker);
    cmabi_component_free(component);
    cmabi_engine_free(engine);
    return 0;
}
