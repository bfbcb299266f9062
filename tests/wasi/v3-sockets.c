/* The functions of wasi:sockets 0.3 one by one: each line of standard input names one with its arguments, separated by
 * tabs, and each gets a line with the outcome. The first argument is the number of a socket: they are counted as they are
 * made. */
#include <string.h>

#include "v3_sockets.h"

typedef wasi_sockets_types_error_code_t code;
typedef wasi_sockets_types_result_void_error_code_t outcome;
typedef wasi_sockets_types_ip_socket_address_t address;

#define TCP(name) wasi_sockets_types_method_tcp_socket_##name
#define UDP(name) wasi_sockets_types_method_udp_socket_##name

static const char *const codes[] = {
    "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "invalid-state",
    "address-not-bindable", "address-in-use", "remote-unreachable", "connection-refused", "connection-broken",
    "connection-reset", "connection-aborted", "datagram-too-large", "other"};

static struct {
    bool is_udp;
    wasi_sockets_types_borrow_tcp_socket_t tcp;
    wasi_sockets_types_borrow_udp_socket_t udp;
    uint32_t clients, in, received, out, sent;
} sockets[64];
static size_t count;
static char text[300];
static char *words[4];
static uint8_t large[70000];

/* Waits for what is under way; what it came to. */
static uint32_t wait(uint32_t waitable) {
    v3_sockets_waitable_set_t set = v3_sockets_waitable_set_new();
    v3_sockets_event_t event;
    v3_sockets_waitable_join(waitable, set);
    v3_sockets_waitable_set_wait(set, &event);
    v3_sockets_waitable_join(waitable, 0);
    v3_sockets_waitable_set_drop(set);
    return event.code;
}

static v3_sockets_waitable_status_t finish(uint32_t end, v3_sockets_waitable_status_t status) {
    return status == V3_SOCKETS_WAITABLE_STATUS_BLOCKED ? wait(end) : status;
}

static void finish_call(v3_sockets_subtask_status_t status) {
    if (V3_SOCKETS_SUBTASK_STATE(status) != V3_SOCKETS_SUBTASK_RETURNED) {
        wait(V3_SOCKETS_SUBTASK_HANDLE(status));
        v3_sockets_subtask_drop(V3_SOCKETS_SUBTASK_HANDLE(status));
    }
}

static void print(const char *line, size_t len) {
    static uint32_t writer;
    if (writer == 0) {
        wasi_cli_stdout_write_via_stream(wasi_cli_stdin_stream_u8_new(&writer));
    }
    while (len > 0) {
        size_t written = V3_SOCKETS_WAITABLE_COUNT(
            finish(writer, wasi_cli_stdin_stream_u8_write(writer, (const uint8_t *)line, len)));
        line += written;
        len -= written;
    }
}

static bool resolved(uint32_t future, code *error) {
    outcome outcome;
    finish(future, wasi_sockets_types_future_result_void_error_code_read(future, &outcome));
    wasi_sockets_types_future_result_void_error_code_drop_readable(future);
    *error = outcome.val.err;
    return !outcome.is_err;
}

static uint64_t number(const char *text) {
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

static void add_number(uint64_t number) {
    char digits[21] = {0};
    int at = 20;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    strcat(text, digits + at);
}

static bool local_address(size_t i, address *address, code *error) {
    return sockets[i].is_udp ? UDP(get_local_address)(sockets[i].udp, address, error)
                             : TCP(get_local_address)(sockets[i].tcp, address, error);
}

static uint16_t port(const char *text) {
    if (*text != '@') return (uint16_t)number(text);
    address address;
    code error;
    if (!local_address(number(text + 1), &address, &error)) __builtin_trap();
    return address.val.ipv4.port;
}

/* A.B.C.D:PORT, or one of a few of IPv6, with the port of another socket where that is @NUMBER. */
static address parse(const char *text) {
    address parsed = {0};
    if (*text == '[') {
        parsed.tag = WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV6;
        wasi_sockets_types_ipv6_address_t *ip = &parsed.val.ipv6.address;
        if (strncmp(text, "[::1]", 5) == 0) ip->f7 = 1;
        if (strncmp(text, "[::ffff:127.0.0.1]", 18) == 0) ip->f5 = 0xffff, ip->f6 = 0x7f00, ip->f7 = 1;
        parsed.val.ipv6.port = port(strstr(text, "]:") + 2);
        return parsed;
    }
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)number(text);
        text = strpbrk(text, ".:") + 1;
    }
    parsed.val.ipv4.address = (wasi_sockets_types_ipv4_address_t){bytes[0], bytes[1], bytes[2], bytes[3]};
    parsed.val.ipv4.port = port(text);
    return parsed;
}

static bool describe(bool known, const address *address) {
    if (!known) return false;
    if (address->tag == WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV6) {
        strcpy(text, address->val.ipv6.address.f7 == 1 ? "::1" : "another");
        return true;
    }
    const wasi_sockets_types_ipv4_address_t *ip = &address->val.ipv4.address;
    uint8_t bytes[] = {ip->f0, ip->f1, ip->f2, ip->f3};
    for (int i = 0; i < 4; i++) {
        if (i > 0) strcat(text, ".");
        add_number(bytes[i]);
    }
    return true;
}

static bool made(bool made) {
    if (made) add_number(count++);
    return made;
}

static bool is(const char *what) { return strcmp(words[0], what) == 0; }

static bool create(code *error) {
    wasi_sockets_types_ip_address_family_t family = words[0][3] == '6';
    wasi_sockets_types_own_tcp_socket_t tcp;
    wasi_sockets_types_own_udp_socket_t udp;
    sockets[count].is_udp = words[0][0] == 'u';
    if (sockets[count].is_udp) {
        if (!wasi_sockets_types_static_udp_socket_create(family, &udp, error)) return false;
        sockets[count].udp = wasi_sockets_types_borrow_udp_socket(udp);
    } else {
        if (!wasi_sockets_types_static_tcp_socket_create(family, &tcp, error)) return false;
        sockets[count].tcp = wasi_sockets_types_borrow_tcp_socket(tcp);
    }
    return made(true);
}

static bool connect(size_t i, bool cancels, code *error) {
    static outcome outcome;
    static wasi_sockets_types_method_tcp_socket_connect_args_t args;
    args = (wasi_sockets_types_method_tcp_socket_connect_args_t){sockets[i].tcp, parse(words[2])};
    v3_sockets_subtask_status_t status = TCP(connect)(&args, &outcome);
    if (cancels) {
        finish_call(wasi_clocks_monotonic_clock_wait_for(50000000));
        v3_sockets_subtask_t call = V3_SOCKETS_SUBTASK_HANDLE(status);
        strcpy(text, v3_sockets_subtask_cancel(call) == V3_SOCKETS_SUBTASK_RETURNED_CANCELLED ? "cancelled"
                                                                                             : "returned");
        v3_sockets_subtask_drop(call);
        return true;
    }
    finish_call(status);
    *error = outcome.val.err;
    return !outcome.is_err;
}

static bool accept(size_t i, bool cancels) {
    wasi_sockets_types_own_tcp_socket_t client;
    v3_sockets_waitable_status_t status =
        wasi_sockets_types_stream_own_tcp_socket_read(sockets[i].clients, &client, 1);
    if (cancels && status == V3_SOCKETS_WAITABLE_STATUS_BLOCKED) {
        status = wasi_sockets_types_stream_own_tcp_socket_cancel_read(sockets[i].clients);
        strcpy(text, V3_SOCKETS_WAITABLE_STATE(status) == V3_SOCKETS_WAITABLE_CANCELLED ? "cancelled" : "came");
        return true;
    }
    if (V3_SOCKETS_WAITABLE_COUNT(finish(sockets[i].clients, status)) != 1) __builtin_trap();
    sockets[count].tcp = wasi_sockets_types_borrow_tcp_socket(client);
    return made(true);
}

/* Sends five bytes. */
static bool send(size_t i, code *error) {
    if (sockets[i].out == 0) {
        sockets[i].sent = TCP(send)(sockets[i].tcp, wasi_sockets_types_stream_u8_new(&sockets[i].out));
    }
    v3_sockets_waitable_status_t status =
        finish(sockets[i].out, wasi_sockets_types_stream_u8_write(sockets[i].out, (const uint8_t *)"hello", 5));
    if (V3_SOCKETS_WAITABLE_STATE(status) == V3_SOCKETS_WAITABLE_COMPLETED) return true;
    wasi_sockets_types_stream_u8_drop_writable(sockets[i].out);
    sockets[i].out = 0;
    return resolved(sockets[i].sent, error);
}

static bool receive(size_t i, code *error) {
    static uint8_t bytes[100];
    if (sockets[i].in == 0) {
        wasi_sockets_types_tuple2_stream_u8_future_result_void_error_code_t received;
        TCP(receive)(sockets[i].tcp, &received);
        sockets[i].in = received.f0;
        sockets[i].received = received.f1;
    }
    v3_sockets_waitable_status_t status =
        finish(sockets[i].in, wasi_sockets_types_stream_u8_read(sockets[i].in, bytes, sizeof bytes));
    if (V3_SOCKETS_WAITABLE_COUNT(status) > 0) {
        add_number(V3_SOCKETS_WAITABLE_COUNT(status));
        strcat(text, " bytes");
        return true;
    }
    wasi_sockets_types_stream_u8_drop_readable(sockets[i].in);
    sockets[i].in = 0;
    strcpy(text, "closed");
    return resolved(sockets[i].received, error);
}

static bool send_datagram(size_t i, size_t len, code *error) {
    static outcome outcome;
    static wasi_sockets_types_method_udp_socket_send_args_t args;
    args.self = sockets[i].udp;
    args.data = (v3_sockets_list_u8_t){large, len};
    args.remote_address.is_some = words[2] != NULL;
    if (words[2] != NULL) args.remote_address.val = parse(words[2]);
    finish_call(UDP(send)(&args, &outcome));
    *error = outcome.val.err;
    return !outcome.is_err;
}

static bool receive_datagram(size_t i, bool cancels, code *error) {
    static wasi_sockets_types_result_tuple2_list_u8_ip_socket_address_error_code_t result;
    v3_sockets_subtask_status_t status = UDP(receive)(sockets[i].udp, &result);
    if (cancels && V3_SOCKETS_SUBTASK_STATE(status) == V3_SOCKETS_SUBTASK_STARTED) {
        v3_sockets_subtask_t call = V3_SOCKETS_SUBTASK_HANDLE(status);
        strcpy(text, v3_sockets_subtask_cancel(call) == V3_SOCKETS_SUBTASK_RETURNED_CANCELLED ? "cancelled"
                                                                                             : "returned");
        v3_sockets_subtask_drop(call);
        return true;
    }
    finish_call(status);
    *error = result.val.err;
    if (result.is_err) return false;
    add_number(result.val.ok.f0.len);
    strcat(text, " bytes");
    return true;
}

static void lookup(void) {
    static const char *const codes[] = {"access-denied", "invalid-argument", "name-unresolvable",
                                        "temporary-resolver-failure", "permanent-resolver-failure", "other"};
    static wasi_sockets_ip_name_lookup_result_list_ip_address_error_code_t result;
    v3_sockets_string_t name = {(uint8_t *)words[1], strlen(words[1])};
    finish_call(wasi_sockets_ip_name_lookup_resolve_addresses(name, &result));
    const char *told = result.is_err ? codes[result.val.err.tag] : "ok";
    print(told, strlen(told));
    print("\n", 1);
}

static bool run(code *error) {
    if (is("tcp4") || is("tcp6") || is("udp4") || is("udp6")) return create(error);
    size_t i = number(words[1]);
    bool udp = sockets[i].is_udp;
    uint64_t value = words[2] != NULL ? number(words[2]) : 0;
    address address = {0};
    wasi_sockets_types_borrow_tcp_socket_t tcp = sockets[i].tcp;
    if (is("bind")) {
        address = parse(words[2]);
        return udp ? UDP(bind)(sockets[i].udp, &address, error) : TCP(bind)(tcp, &address, error);
    }
    if (is("connect") && udp) {
        address = parse(words[2]);
        return UDP(connect)(sockets[i].udp, &address, error);
    }
    if (is("connect") || is("connect-cancel")) return connect(i, is("connect-cancel"), error);
    if (is("disconnect")) return UDP(disconnect)(sockets[i].udp, error);
    if (is("listen")) return TCP(listen)(tcp, &sockets[i].clients, error);
    if (is("accept") || is("accept-cancel")) return accept(i, is("accept-cancel"));
    if (is("local")) return describe(local_address(i, &address, error), &address);
    if (is("remote")) {
        return describe(udp ? UDP(get_remote_address)(sockets[i].udp, &address, error)
                            : TCP(get_remote_address)(tcp, &address, error),
                        &address);
    }
    if (is("send")) return udp ? send_datagram(i, 5, error) : send(i, error);
    if (is("send-large")) return send_datagram(i, sizeof large, error);
    if (is("send-again")) {
        uint32_t writer, sent = TCP(send)(tcp, wasi_sockets_types_stream_u8_new(&writer));
        wasi_sockets_types_stream_u8_drop_writable(writer);
        return resolved(sent, error);
    }
    if (is("end")) {
        wasi_sockets_types_stream_u8_drop_writable(sockets[i].out);
        return resolved(sockets[i].sent, error);
    }
    if (is("stop")) {
        wasi_sockets_types_stream_u8_drop_readable(sockets[i].in);
        return resolved(sockets[i].received, error);
    }
    if (is("receive")) return udp ? receive_datagram(i, false, error) : receive(i, error);
    if (is("receive-cancel")) return receive_datagram(i, true, error);
    if (is("listening")) {
        strcpy(text, TCP(get_is_listening)(tcp) ? "true" : "false");
        return true;
    }
    if (is("backlog")) return TCP(set_listen_backlog_size)(tcp, value, error);
    if (is("keep-alive")) {
        bool enabled;
        if (!TCP(set_keep_alive_enabled)(tcp, true, error)) return false;
        if (!TCP(get_keep_alive_enabled)(tcp, &enabled, error)) return false;
        strcpy(text, enabled ? "true" : "false");
        return true;
    }
    uint64_t wide = 0;
    uint32_t times = 0;
    uint8_t hops = 0;
    if (is("idle")) {
        if (!TCP(set_keep_alive_idle_time)(tcp, value, error)) return false;
        if (!TCP(get_keep_alive_idle_time)(tcp, &wide, error)) return false;
    } else if (is("interval")) {
        if (!TCP(set_keep_alive_interval)(tcp, value, error)) return false;
        if (!TCP(get_keep_alive_interval)(tcp, &wide, error)) return false;
    } else if (is("count")) {
        if (!TCP(set_keep_alive_count)(tcp, (uint32_t)value, error)) return false;
        if (!TCP(get_keep_alive_count)(tcp, &times, error)) return false;
        wide = times;
    } else if (is("hops")) {
        if (!(udp ? UDP(set_unicast_hop_limit)(sockets[i].udp, (uint8_t)value, error)
                  : TCP(set_hop_limit)(tcp, (uint8_t)value, error))) {
            return false;
        }
        if (!(udp ? UDP(get_unicast_hop_limit)(sockets[i].udp, &hops, error)
                  : TCP(get_hop_limit)(tcp, &hops, error))) {
            return false;
        }
        wide = hops;
    } else if (is("receive-buffer")) {
        if (!(udp ? UDP(set_receive_buffer_size)(sockets[i].udp, value, error)
                  : TCP(set_receive_buffer_size)(tcp, value, error))) {
            return false;
        }
        if (!(udp ? UDP(get_receive_buffer_size)(sockets[i].udp, &wide, error)
                  : TCP(get_receive_buffer_size)(tcp, &wide, error))) {
            return false;
        }
    } else if (is("send-buffer")) {
        if (!(udp ? UDP(set_send_buffer_size)(sockets[i].udp, value, error)
                  : TCP(set_send_buffer_size)(tcp, value, error))) {
            return false;
        }
        if (!(udp ? UDP(get_send_buffer_size)(sockets[i].udp, &wide, error)
                  : TCP(get_send_buffer_size)(tcp, &wide, error))) {
            return false;
        }
    } else {
        __builtin_trap();
    }
    add_number(wide);
    return true;
}

static void step(char *line) {
    code error = {0};
    for (int i = 0; i < 4; i++) {
        words[i] = line;
        line = line != NULL ? strchr(line, '\t') : NULL;
        if (line != NULL) *line++ = '\0';
    }
    if (is("lookup")) {
        lookup();
        return;
    }
    text[0] = '\0';
    if (run(&error)) {
        print("ok", 2);
        print(" ", text[0] != '\0');
        print(text, strlen(text));
    } else {
        print(codes[error.tag], strlen(codes[error.tag]));
    }
    print("\n", 1);
}

bool exports_wasi_cli_run_run(void) {
    static char input[1 << 14];
    size_t len = 0;
    wasi_cli_stdin_tuple2_stream_u8_future_result_void_error_code_t in;
    wasi_cli_stdin_read_via_stream(&in);
    for (;;) {
        v3_sockets_waitable_status_t status = finish(
            in.f0, wasi_cli_stdin_stream_u8_read(in.f0, (uint8_t *)input + len, sizeof input - 1 - len));
        len += V3_SOCKETS_WAITABLE_COUNT(status);
        input[len] = '\0';
        char *line = input;
        for (char *end; (end = memchr(line, '\n', (size_t)(input + len - line))) != NULL; line = end + 1) {
            *end = '\0';
            step(line);
        }
        len = (size_t)(input + len - line);
        memmove(input, line, len);
        if (V3_SOCKETS_WAITABLE_STATE(status) != V3_SOCKETS_WAITABLE_COMPLETED) return true;
    }
}
