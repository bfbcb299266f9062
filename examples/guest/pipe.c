// The guest of the streams example: a filter, and a function that waits for a value.
//
// An async export is a function that starts a job and a callback that goes on with it when something has
// happened. Both say what they wait for by what they return.

#include "pipe.h"

#include <stdlib.h>
#include <string.h>

// ---- shout

typedef struct {
    pipe_stream_u8_t in;
    pipe_stream_u8_writer_t out;
    pipe_waitable_set_t set;
    uint8_t buffer[4096];
    uint32_t length, sent; // what was read, and how much of it was passed on
    enum { READ, WRITE } doing;
    bool at_end, unwanted;
} filter;

static void has_read(filter *job, pipe_waitable_status_t status) {
    job->at_end = PIPE_WAITABLE_STATE(status) == PIPE_WAITABLE_DROPPED;
    job->length = PIPE_WAITABLE_COUNT(status);
    job->sent = 0;
    for (uint32_t i = 0; i < job->length; i++) {
        if (job->buffer[i] >= 'a' && job->buffer[i] <= 'z') {
            job->buffer[i] -= 'a' - 'A';
        }
    }
    job->doing = WRITE;
}

static void has_written(filter *job, pipe_waitable_status_t status) {
    job->unwanted = PIPE_WAITABLE_STATE(status) == PIPE_WAITABLE_DROPPED;
    job->sent += PIPE_WAITABLE_COUNT(status);
}

// Goes on until something has to be waited for.
static pipe_callback_code_t go_on(filter *job) {
    for (;;) {
        pipe_waitable_status_t status;
        if (job->doing == READ) {
            status = pipe_stream_u8_read(job->in, job->buffer, sizeof job->buffer);
        } else if (job->sent < job->length && !job->unwanted) {
            status = pipe_stream_u8_write(job->out, job->buffer + job->sent, job->length - job->sent);
        } else if (job->at_end || job->unwanted) {
            break;
        } else {
            job->doing = READ;
            continue;
        }
        if (status == PIPE_WAITABLE_STATUS_BLOCKED) {
            return PIPE_CALLBACK_CODE_WAIT(job->set);
        }
        if (job->doing == READ) {
            has_read(job, status);
        } else {
            has_written(job, status);
        }
    }
    pipe_stream_u8_drop_readable(job->in);
    pipe_stream_u8_drop_writable(job->out);
    pipe_waitable_set_drop(job->set);
    free(job);
    return PIPE_CALLBACK_CODE_EXIT;
}

pipe_callback_code_t exports_pipe_shout(pipe_stream_u8_t text) {
    filter *job = calloc(1, sizeof *job);
    job->in = text;
    job->set = pipe_waitable_set_new();
    exports_pipe_shout_return(pipe_stream_u8_new(&job->out));
    pipe_waitable_join(job->in, job->set);
    pipe_waitable_join(job->out, job->set);
    pipe_context_set_0(job);
    return go_on(job);
}

pipe_callback_code_t exports_pipe_shout_callback(pipe_event_t *event) {
    filter *job = pipe_context_get_0();
    if (event->event == PIPE_EVENT_STREAM_READ) {
        has_read(job, event->code);
    } else if (event->event == PIPE_EVENT_STREAM_WRITE) {
        has_written(job, event->code);
    }
    return go_on(job);
}

// ---- greet

typedef struct {
    pipe_future_string_t future;
    pipe_waitable_set_t set;
    pipe_string_t name;
} guests;

static pipe_callback_code_t welcome(guests *job) {
    pipe_string_t greeting = {malloc(job->name.len + 8), job->name.len + 8};
    memcpy(greeting.ptr, "Hello, ", 7);
    memcpy(greeting.ptr + 7, job->name.ptr, job->name.len);
    greeting.ptr[greeting.len - 1] = '!';
    exports_pipe_greet_return(greeting);
    pipe_string_free(&greeting);
    pipe_string_free(&job->name);
    pipe_future_string_drop_readable(job->future);
    pipe_waitable_set_drop(job->set);
    free(job);
    return PIPE_CALLBACK_CODE_EXIT;
}

pipe_callback_code_t exports_pipe_greet(pipe_future_string_t name) {
    guests *job = calloc(1, sizeof *job);
    job->future = name;
    job->set = pipe_waitable_set_new();
    pipe_context_set_0(job);
    if (pipe_future_string_read(name, &job->name) != PIPE_WAITABLE_STATUS_BLOCKED) {
        return welcome(job);
    }
    pipe_waitable_join(name, job->set);
    return PIPE_CALLBACK_CODE_WAIT(job->set);
}

pipe_callback_code_t exports_pipe_greet_callback(pipe_event_t *event) {
    (void)event; // The value is there; nothing else can happen.
    return welcome(pipe_context_get_0());
}
