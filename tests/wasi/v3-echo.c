/* A server for WASI 0.3 that echoes what so many clients send, all at the same time: `v3-echo CLIENTS`. And
 * `v3-echo pass CLIENTS`, which has the host do that. */
#include <stdlib.h>
#include <string.h>

#include "v3_echo.h"

enum { PIECE = 4096, BACKLOG = 1024, HANDLES = 1 << 16 };

typedef struct client {
    wasi_sockets_types_own_tcp_socket_t socket;
    uint32_t in, out;
    size_t len, at;
    uint8_t bytes[PIECE];
} client;

/* By the handles of their ends. */
static client *clients[HANDLES];
static wasi_sockets_types_own_tcp_socket_t listener, accepted[64];
static uint32_t listening, set;
static size_t left, still_to_come;
static bool passes;

static void must(bool done) {
    if (!done) abort();
}

static void say(const char *text, size_t number) {
    char line[64], digits[24] = {0};
    int at = 23;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    strcat(strcat(strcat(strcpy(line, text), " "), digits + at), "\n");
    uint32_t writer, done;
    done = wasi_cli_stdout_write_via_stream(wasi_cli_stdout_stream_u8_new(&writer));
    must(wasi_cli_stdout_stream_u8_write(writer, (uint8_t *)line, strlen(line)) == strlen(line) << 4);
    wasi_cli_stdout_stream_u8_drop_writable(writer);
    wasi_cli_stdout_future_result_void_error_code_drop_readable(done);
}

static void end(client *client) {
    clients[client->in] = clients[client->out] = NULL;
    wasi_sockets_types_stream_u8_drop_readable(client->in);
    wasi_sockets_types_stream_u8_drop_writable(client->out);
    wasi_sockets_types_tcp_socket_drop_own(client->socket);
    free(client);
    left--;
}

static bool written(client *client, v3_echo_waitable_status_t status) {
    client->at += V3_ECHO_WAITABLE_COUNT(status);
    return V3_ECHO_WAITABLE_STATE(status) == V3_ECHO_WAITABLE_COMPLETED;
}

static bool received(client *client, v3_echo_waitable_status_t status) {
    client->at = 0;
    client->len = V3_ECHO_WAITABLE_COUNT(status);
    return client->len > 0;
}

/* Goes on until it has to wait. */
static void go_on(client *client) {
    for (;;) {
        v3_echo_waitable_status_t status;
        if (client->at < client->len) {
            status = wasi_sockets_types_stream_u8_write(client->out, client->bytes + client->at,
                                                        client->len - client->at);
            if (status == V3_ECHO_WAITABLE_STATUS_BLOCKED) return;
            if (written(client, status)) continue;
        } else {
            status = wasi_sockets_types_stream_u8_read(client->in, client->bytes, PIECE);
            if (status == V3_ECHO_WAITABLE_STATUS_BLOCKED) return;
            if (received(client, status)) continue;
        }
        end(client);
        return;
    }
}

static void welcome(wasi_sockets_types_own_tcp_socket_t socket) {
    wasi_sockets_types_borrow_tcp_socket_t borrowed = wasi_sockets_types_borrow_tcp_socket(socket);
    wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t received;
    wasi_sockets_types_method_tcp_socket_receive(borrowed, &received);
    wasi_sockets_types_future_result_void_error_code_drop_readable(received.f1);
    still_to_come--;
    if (passes) {
        uint32_t sent = wasi_sockets_types_method_tcp_socket_send(borrowed, received.f0);
        wasi_sockets_types_tcp_socket_drop_own(socket);
        v3_echo_waitable_join(sent, set);
        static wasi_sockets_types_result_void_error_code_t result;
        must(wasi_sockets_types_future_result_void_error_code_read(sent, &result) ==
             V3_ECHO_WAITABLE_STATUS_BLOCKED);
        return;
    }
    client *new = calloc(1, sizeof *new);
    new->socket = socket;
    new->in = received.f0;
    uint32_t sent = wasi_sockets_types_method_tcp_socket_send(
        borrowed, wasi_sockets_types_stream_u8_new(&new->out));
    wasi_sockets_types_future_result_void_error_code_drop_readable(sent);
    v3_echo_waitable_join(new->in, set);
    v3_echo_waitable_join(new->out, set);
    must(new->in < HANDLES && new->out < HANDLES);
    clients[new->in] = clients[new->out] = new;
    go_on(new);
}

static void welcome_all(v3_echo_waitable_status_t status) {
    must(V3_ECHO_WAITABLE_STATE(status) == V3_ECHO_WAITABLE_COMPLETED);
    for (uint32_t i = 0; i < V3_ECHO_WAITABLE_COUNT(status); i++) welcome(accepted[i]);
}

static void accept_more(void) {
    while (still_to_come > 0) {
        size_t most = still_to_come < 64 ? still_to_come : 64;
        v3_echo_waitable_status_t status =
            wasi_sockets_types_stream_own_tcp_socket_read(listening, accepted, most);
        if (status == V3_ECHO_WAITABLE_STATUS_BLOCKED) return;
        welcome_all(status);
    }
}

static v3_echo_callback_code_t next(void) {
    if (left > 0) return V3_ECHO_CALLBACK_CODE_WAIT(set);
    say("served", 0);
    exports_wasi_cli_run_run_return((exports_wasi_cli_run_result_void_void_t){.is_err = false});
    return V3_ECHO_CALLBACK_CODE_EXIT;
}

v3_echo_callback_code_t exports_wasi_cli_run_run(void) {
    v3_echo_list_string_t args;
    wasi_cli_environment_get_arguments(&args);
    passes = args.len > 2;
    const v3_echo_string_t *number = &args.ptr[args.len - 1];
    for (size_t i = 0; i < number->len; i++) left = left * 10 + (size_t)(number->ptr[i] - '0');
    still_to_come = left;
    wasi_sockets_types_error_code_t error;
    wasi_sockets_types_ip_socket_address_t address = {
        .tag = WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV4, .val.ipv4.address = {127, 0, 0, 1}};
    must(wasi_sockets_types_static_tcp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &listener,
                                                     &error));
    wasi_sockets_types_borrow_tcp_socket_t borrowed = wasi_sockets_types_borrow_tcp_socket(listener);
    must(wasi_sockets_types_method_tcp_socket_bind(borrowed, &address, &error));
    must(wasi_sockets_types_method_tcp_socket_set_listen_backlog_size(borrowed, BACKLOG, &error));
    must(wasi_sockets_types_method_tcp_socket_listen(borrowed, &listening, &error));
    must(wasi_sockets_types_method_tcp_socket_get_local_address(borrowed, &address, &error));
    say("port", address.val.ipv4.port);
    set = v3_echo_waitable_set_new();
    v3_echo_waitable_join(listening, set);
    accept_more();
    return next();
}

v3_echo_callback_code_t exports_wasi_cli_run_run_callback(v3_echo_event_t *event) {
    client *client = clients[event->waitable];
    switch (event->event) {
    case V3_ECHO_EVENT_STREAM_READ:
        if (event->waitable == listening) {
            welcome_all(event->code);
            accept_more();
        } else if (received(client, event->code)) {
            go_on(client);
        } else {
            end(client);
        }
        break;
    case V3_ECHO_EVENT_STREAM_WRITE:
        if (written(client, event->code)) {
            go_on(client);
        } else {
            end(client);
        }
        break;
    case V3_ECHO_EVENT_FUTURE_READ:
        wasi_sockets_types_future_result_void_error_code_drop_readable(event->waitable);
        left--;
        break;
    default:
        abort();
    }
    return next();
}
