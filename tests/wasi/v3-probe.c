/* The functions of wasi:filesystem 0.3 one by one, by the same script as `probe` of guest/ those of 0.2: each line of
 * standard input names one with its arguments, separated by tabs, and each gets a line with the outcome. */
#include <string.h>

#include "v3_probe.h"

typedef wasi_filesystem_types_error_code_t code;
typedef wasi_filesystem_types_borrow_descriptor_t descriptor;
typedef wasi_filesystem_types_result_void_error_code_t outcome;

#define METHOD(name) wasi_filesystem_types_method_descriptor_##name

static const char *const codes[] = {
    "access", "already", "bad-descriptor", "busy", "deadlock", "quota", "exist", "file-too-large",
    "illegal-byte-sequence", "in-progress", "interrupted", "invalid", "io", "is-directory", "loop", "too-many-links",
    "message-size", "name-too-long", "no-device", "no-entry", "no-lock", "insufficient-memory", "insufficient-space",
    "not-directory", "not-empty", "not-recoverable", "unsupported", "no-tty", "no-such-device", "overflow",
    "not-permitted", "pipe", "read-only", "invalid-seek", "text-file-busy", "cross-device", "other"};

static descriptor descriptors[7000];
static size_t count;
static char text[1 << 16];
static char *words[8];
static char none[] = "";

/* Waits for what is under way at `end`; what it came to. */
static v3_probe_waitable_status_t finish(uint32_t end, v3_probe_waitable_status_t status) {
    if (status == V3_PROBE_WAITABLE_STATUS_BLOCKED) {
        v3_probe_waitable_set_t set = v3_probe_waitable_set_new();
        v3_probe_event_t event;
        v3_probe_waitable_join(end, set);
        v3_probe_waitable_set_wait(set, &event);
        v3_probe_waitable_join(end, 0);
        v3_probe_waitable_set_drop(set);
        status = event.code;
    }
    return status;
}

static void print(const char *line, size_t len) {
    static uint32_t writer;
    if (writer == 0) {
        wasi_cli_stdout_write_via_stream(wasi_cli_stdin_stream_u8_new(&writer));
    }
    while (len > 0) {
        size_t written = V3_PROBE_WAITABLE_COUNT(
            finish(writer, wasi_cli_stdin_stream_u8_write(writer, (const uint8_t *)line, len)));
        line += written;
        len -= written;
    }
}

/* Whether a future tells of success. */
static bool resolved(uint32_t future, code *error) {
    outcome outcome;
    finish(future, wasi_filesystem_types_future_result_void_error_code_read(future, &outcome));
    wasi_filesystem_types_future_result_void_error_code_drop_readable(future);
    *error = outcome.val.err;
    return !outcome.is_err;
}

static bool has(const char *letters, char letter) { return strchr(letters, letter) != NULL; }

/* A word as a string, in which \0 stands for that. */
static v3_probe_string_t string(int i) {
    v3_probe_string_t string = {(uint8_t *)words[i], strlen(words[i])};
    char *nul = strstr(words[i], "\\0");
    if (nul != NULL) {
        *nul = '\0';
        memmove(nul + 1, nul + 2, strlen(nul + 2) + 1);
        string.len--;
    }
    return string;
}

static size_t number(const char *text) {
    size_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (size_t)(*text - '0');
    return number;
}

static void add_number(char *text, uint64_t number) {
    char digits[21] = {0};
    int at = 20;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    strcat(text, digits + at);
}

static void describe(const wasi_filesystem_types_descriptor_stat_t *stat) {
    static const char *const types[] = {"BlockDevice", "CharacterDevice", "Directory", "Fifo",
                                        "SymbolicLink", "RegularFile", "Socket", "Unknown"};
    strcpy(text, "DescriptorType::");
    strcat(text, types[stat->type.tag]);
    strcat(text, " ");
    add_number(text, stat->size);
}

static bool read(descriptor this, size_t most, code *error) {
    wasi_filesystem_types_tuple2_stream_u8_future_result_void_error_code_t read;
    METHOD(read_via_stream)(this, 0, &read);
    size_t len = V3_PROBE_WAITABLE_COUNT(
        finish(read.f0, wasi_filesystem_types_stream_u8_read(read.f0, (uint8_t *)text, most)));
    text[len] = '\0';
    wasi_filesystem_types_stream_u8_drop_readable(read.f0);
    return resolved(read.f1, error);
}

static bool write(descriptor this, const char *bytes, bool appends, code *error) {
    uint32_t writer;
    uint32_t data = wasi_filesystem_types_stream_u8_new(&writer);
    uint32_t future =
        appends ? METHOD(append_via_stream)(this, data) : METHOD(write_via_stream)(this, data, 0);
    if (*bytes != '\0') {
        v3_probe_waitable_status_t status = finish(
            writer, wasi_filesystem_types_stream_u8_write(writer, (const uint8_t *)bytes, strlen(bytes)));
        add_number(text, V3_PROBE_WAITABLE_COUNT(status));
    }
    wasi_filesystem_types_stream_u8_drop_writable(writer);
    return resolved(future, error);
}

/* Copies a file by way of the memory here, in pieces. */
static bool copy(descriptor from, descriptor to, code *error) {
    static uint8_t bytes[100000];
    wasi_filesystem_types_tuple2_stream_u8_future_result_void_error_code_t read;
    METHOD(read_via_stream)(from, 0, &read);
    uint32_t writer;
    uint32_t written =
        METHOD(write_via_stream)(to, wasi_filesystem_types_stream_u8_new(&writer), 0);
    v3_probe_waitable_status_t in, out = V3_PROBE_WAITABLE_COMPLETED;
    do {
        in = finish(read.f0, wasi_filesystem_types_stream_u8_read(read.f0, bytes, sizeof bytes));
        size_t len = V3_PROBE_WAITABLE_COUNT(in);
        for (size_t at = 0; at < len && V3_PROBE_WAITABLE_STATE(out) == V3_PROBE_WAITABLE_COMPLETED;) {
            out = finish(writer, wasi_filesystem_types_stream_u8_write(writer, bytes + at, len - at));
            at += V3_PROBE_WAITABLE_COUNT(out);
        }
    } while (in % 16 == V3_PROBE_WAITABLE_COMPLETED && out % 16 == V3_PROBE_WAITABLE_COMPLETED);
    wasi_filesystem_types_stream_u8_drop_readable(read.f0);
    wasi_filesystem_types_stream_u8_drop_writable(writer);
    return resolved(read.f1, error) && resolved(written, error);
}

/* Has the host write what the host reads. */
static bool pass(descriptor from, descriptor to, code *error) {
    wasi_filesystem_types_tuple2_stream_u8_future_result_void_error_code_t read;
    METHOD(read_via_stream)(from, 0, &read);
    uint32_t written = METHOD(append_via_stream)(to, read.f0);
    return resolved(written, error) && resolved(read.f1, error);
}

/* The names in a directory, sorted, or if there are many how many. */
static bool read_directory(descriptor this, code *error) {
    static wasi_filesystem_types_directory_entry_t entries[300];
    static char *names[300];
    wasi_filesystem_types_tuple2_stream_directory_entry_future_result_void_error_code_t read;
    METHOD(read_directory)(this, &read);
    size_t all = 0;
    for (;;) {
        v3_probe_waitable_status_t status =
            finish(read.f0, wasi_filesystem_types_stream_directory_entry_read(read.f0, entries, 300));
        size_t some = V3_PROBE_WAITABLE_COUNT(status);
        for (size_t i = 0; i < some; i++) {
            if (all + i < 300) {
                v3_probe_string_t *name = &entries[i].name;
                char *copy = strndup((const char *)name->ptr, name->len);
                size_t at = all + i;
                for (; at > 0 && strcmp(names[at - 1], copy) > 0; at--) names[at] = names[at - 1];
                names[at] = copy;
            }
            wasi_filesystem_types_directory_entry_free(&entries[i]);
        }
        all += some;
        if (V3_PROBE_WAITABLE_STATE(status) != V3_PROBE_WAITABLE_COMPLETED) break;
    }
    wasi_filesystem_types_stream_directory_entry_drop_readable(read.f0);
    if (all > 300) {
        add_number(text, all);
        strcat(text, " entries");
    } else {
        for (size_t i = 0; i < all; i++) {
            strcat(strcat(text, i > 0 ? " " : ""), names[i]);
        }
    }
    return resolved(read.f1, error);
}

static bool open(descriptor this, code *error) {
    const char *letters = words[3];
    v3_probe_string_t path = string(2);
    wasi_filesystem_types_descriptor_flags_t flags =
        (has(letters, 'r') ? WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ : 0) |
        (has(letters, 'w') ? WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE : 0) |
        (has(letters, 'm') ? WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY : 0);
    wasi_filesystem_types_open_flags_t open =
        (has(letters, 'c') ? WASI_FILESYSTEM_TYPES_OPEN_FLAGS_CREATE : 0) |
        (has(letters, 'd') ? WASI_FILESYSTEM_TYPES_OPEN_FLAGS_DIRECTORY : 0) |
        (has(letters, 'x') ? WASI_FILESYSTEM_TYPES_OPEN_FLAGS_EXCLUSIVE : 0) |
        (has(letters, 't') ? WASI_FILESYSTEM_TYPES_OPEN_FLAGS_TRUNCATE : 0);
    wasi_filesystem_types_own_descriptor_t opened;
    if (!METHOD(open_at)(this, has(letters, 'L'), &path, open, flags, &opened, error)) return false;
    descriptors[count] = wasi_filesystem_types_borrow_descriptor(opened);
    add_number(text, count++);
    return true;
}

static bool run(code *error) {
    const char *what = words[0];
    descriptor this = descriptors[number(words[1])];
    wasi_filesystem_types_new_timestamp_t now = {.tag = WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_NOW};
    wasi_filesystem_types_new_timestamp_t same = {.tag = WASI_FILESYSTEM_TYPES_NEW_TIMESTAMP_NO_CHANGE};
    wasi_filesystem_types_descriptor_stat_t stat;
    wasi_filesystem_types_metadata_hash_value_t a, b;
    v3_probe_string_t path = {0}, other = {0};
    if (strcmp(what, "open") == 0) return open(this, error);
    if (strcmp(what, "read") == 0) return read(this, 100, error);
    if (strcmp(what, "read-stream") == 0) {
        if (!read(this, 100, error)) return false;
        size_t len = strlen(text);
        text[0] = '\0';
        add_number(text, len);
        return true;
    }
    if (strcmp(what, "copy") == 0) return copy(this, descriptors[number(words[2])], error);
    if (strcmp(what, "pass") == 0) return pass(this, descriptors[number(words[2])], error);
    if (strcmp(what, "write") == 0) return write(this, words[2], false, error);
    if (strcmp(what, "write-stream") == 0) return write(this, "", false, error);
    if (strcmp(what, "append-stream") == 0) return write(this, "", true, error);
    if (strcmp(what, "append") == 0) return write(this, words[2], true, error);
    if (strcmp(what, "read-dir") == 0) return read_directory(this, error);
    if (strcmp(what, "stat") == 0) {
        if (!METHOD(stat)(this, &stat, error)) return false;
        describe(&stat);
        return true;
    }
    if (strcmp(what, "flags") == 0) {
        wasi_filesystem_types_descriptor_flags_t flags;
        if (!METHOD(get_flags)(this, &flags, error)) return false;
        strcpy(text, "DescriptorFlags(");
        if (flags & WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ) strcat(text, "READ | ");
        if (flags & WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE) strcat(text, "WRITE | ");
        if (flags & WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_MUTATE_DIRECTORY) {
            strcat(text, "MUTATE_DIRECTORY | ");
        }
        strcpy(text + strlen(text) - 3, ")");
        return true;
    }
    if (strcmp(what, "set-size") == 0) return METHOD(set_size)(this, 1, error);
    if (strcmp(what, "set-times") == 0) return METHOD(set_times)(this, &now, &same, error);
    if (strcmp(what, "sync") == 0) return METHOD(sync)(this, error);
    if (strcmp(what, "sync-data") == 0) return METHOD(sync_data)(this, error);
    if (strcmp(what, "same") == 0) {
        strcpy(text, METHOD(is_same_object)(this, descriptors[number(words[2])]) ? "true" : "false");
        return true;
    }
    if (strcmp(what, "hash") == 0) {
        if (!METHOD(metadata_hash)(this, &a, error)) return false;
        if (!METHOD(metadata_hash)(descriptors[number(words[2])], &b, error)) return false;
        strcpy(text, a.lower == b.lower && a.upper == b.upper ? "true" : "false");
        return true;
    }
    /* DESCRIPTOR OLD-PATH NEW-DESCRIPTOR NEW-PATH FLAGS */
    descriptor second = descriptors[number(words[3])];
    path = string(2);
    if (strcmp(what, "create-dir") == 0) return METHOD(create_directory_at)(this, &path, error);
    if (strcmp(what, "remove-dir") == 0) return METHOD(remove_directory_at)(this, &path, error);
    if (strcmp(what, "unlink") == 0) return METHOD(unlink_file_at)(this, &path, error);
    if (strcmp(what, "stat-at") == 0) {
        if (!METHOD(stat_at)(this, has(words[3], 'L'), &path, &stat, error)) return false;
        describe(&stat);
        return true;
    }
    if (strcmp(what, "hash-at") == 0) {
        return METHOD(metadata_hash_at)(this, has(words[3], 'L'), &path, &a, error);
    }
    if (strcmp(what, "set-times-at") == 0) {
        return METHOD(set_times_at)(this, has(words[3], 'L'), &path, &now, &now, error);
    }
    if (strcmp(what, "readlink") == 0) {
        if (!METHOD(readlink_at)(this, &path, &other, error)) return false;
        strncat(text, (const char *)other.ptr, other.len);
        v3_probe_string_free(&other);
        return true;
    }
    if (strcmp(what, "symlink") == 0) {
        other = string(3);
        return METHOD(symlink_at)(this, &path, &other, error);
    }
    other = string(4);
    if (strcmp(what, "rename") == 0) return METHOD(rename_at)(this, &path, second, &other, error);
    if (strcmp(what, "link") == 0) {
        return METHOD(link_at)(this, has(words[5], 'L'), &path, second, &other, error);
    }
    __builtin_trap();
}

static void step(char *line) {
    code error = {0};
    for (int i = 0; i < 8; i++) {
        words[i] = line != NULL ? line : none;
        line = line != NULL ? strchr(line, '\t') : NULL;
        if (line != NULL) *line++ = '\0';
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
    static char input[1 << 16];
    size_t len = 0;
    wasi_filesystem_preopens_list_tuple2_own_descriptor_string_t dirs;
    wasi_filesystem_preopens_get_directories(&dirs);
    for (; count < dirs.len; count++) {
        descriptors[count] = wasi_filesystem_types_borrow_descriptor(dirs.ptr[count].f0);
    }
    wasi_cli_stdin_tuple2_stream_u8_future_result_void_error_code_t in;
    wasi_cli_stdin_read_via_stream(&in);
    for (;;) {
        v3_probe_waitable_status_t status = finish(
            in.f0, wasi_cli_stdin_stream_u8_read(in.f0, (uint8_t *)input + len, sizeof input - 1 - len));
        len += V3_PROBE_WAITABLE_COUNT(status);
        input[len] = '\0';
        char *line = input;
        for (char *end; (end = memchr(line, '\n', (size_t)(input + len - line))) != NULL; line = end + 1) {
            *end = '\0';
            step(line);
        }
        len = (size_t)(input + len - line);
        memmove(input, line, len);
        if (V3_PROBE_WAITABLE_STATE(status) != V3_PROBE_WAITABLE_COMPLETED) return true;
    }
}
