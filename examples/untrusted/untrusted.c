// A host for plug-ins that it does not trust. Each lives in a store of its own, with limits; one that misbehaves is
// stopped, named and replaced, while a good one has a call and a stream under way. docs/untrusted.md explains it;
// untrusted.cpp does the same in C++, and prints the same.
//
//     untrusted-c FOLDER

#include "plugin.h" // generated from guest/untrusted.wit

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a plug-in may use: bytes of its memories, bytes of the host's memory, and bytes of one string or list that it
// passes; handles; instructions of one call; nanoseconds of one call; lines in the log.
enum { GUEST_BYTES = 1 << 20, HOST_BYTES = 1 << 20, CALL_BYTES = 64 << 10, HANDLES = 1000, CALL_FUEL = 1000000, LINES = 3 };
static const uint64_t CALL_TIME = UINT64_C(10000000000), SHORT_TIME = 20000000;

// Ends the program where a function of the library has failed that cannot.
static void must(cmabi_status status, cmabi_error **error) {
    if (status != CMABI_STATUS_OK) {
        const cmabi_string message = cmabi_error_message(*error);
        fflush(stdout);
        fprintf(stderr, "untrusted-c: %.*s\n", (int)message.len, message.ptr);
        cmabi_error_free(*error);
        exit(1);
    }
}

static cmabi_string string(const char *text) {
    return (cmabi_string){text, strlen(text)};
}

// ---- What plug-ins get from the host ---------------------------------------------------------------

typedef struct {
    const char *name;
    cmabi_component *component;
    cmabi_store *store; // its own
    plugin world;
    unsigned lines; // that it has written
} guest;

// The call of `lookup` that is to be answered.
static cmabi_task *asked;

static cmabi_status on_lookup(void *data, cmabi_task *task, cmabi_string word, uint32_t *result) {
    (void)data, (void)word, (void)result;
    asked = task; // later
    return CMABI_STATUS_PENDING;
}

// A host function is where a plug-in spends what is the host's: it counts for whom.
static cmabi_status on_log(void *data, cmabi_task *task, cmabi_string line) {
    (void)data, (void)line;
    guest *caller = cmabi_store_data(cmabi_task_store(task));
    if (caller->lines == LINES) {
        cmabi_task_set_error(task, CMABI_STR("the log has enough lines of this plug-in"), NULL);
        return CMABI_STATUS_HOST;
    }
    caller->lines += 1;
    return CMABI_STATUS_OK;
}

static cmabi_linker *make_linker(cmabi_engine *engine) {
    cmabi_error *error = NULL;
    cmabi_linker *linker;
    cmabi_wasi_config *wasi;
    const plugin_root_host root = {.lookup = on_lookup, .log = on_log};
    const plugin_imports imports = {&root};
    must(cmabi_linker_new(engine, &linker, &error), &error);
    must(plugin_add_to_linker(linker, &imports, &error), &error);
    // WASI grants nothing, but what a plug-in says before it dies is kept.
    must(cmabi_wasi_config_new(&wasi, &error), &error);
    must(cmabi_wasi_config_set_last_words(wasi, 200, &error), &error);
    must(cmabi_linker_wasi(linker, wasi, &error), &error);
    cmabi_wasi_config_free(wasi);
    return linker;
}

// ---- Plug-ins ---------------------------------------------------------------------------------------

static cmabi_engine *engine;
static cmabi_linker *linker;

static void print(const char *before, cmabi_string text) {
    printf("%s%.*s\n", before, (int)text.len, text.ptr);
}

// What went wrong, where, and what the plug-in had to say.
static void report(const guest *of, cmabi_error *error) {
    const cmabi_string status = cmabi_status_text(cmabi_error_status(error));
    const cmabi_string path = cmabi_error_path(error), words = cmabi_error_last_words(error);
    printf("%s: %.*s: ", of->name, (int)status.len, status.ptr);
    print("", cmabi_error_summary(error));
    for (size_t i = 0; i < cmabi_error_frame_count(error); i++) {
        // The core functions inside of a plug-in are for its author.
        if (cmabi_error_frame_at(error, i).kind == CMABI_FRAME_KIND_CORE) continue;
        print("  in ", cmabi_error_frame_text(error, i));
    }
    if (path.len > 0) print("  it concerns: ", path);
    if (words.len > 0) print("  its last words: ", words);
    cmabi_error_free(error);
}

// Time is given to each call: what is over stays over until more is given.
static void give_time(const guest *to, uint64_t nanoseconds) {
    cmabi_error *error = NULL;
    must(cmabi_store_set_deadline(to->store, nanoseconds, &error), &error);
}

// Makes an instance in a new store: that is all that it takes to replace one. `fuel` is what a call may use; 0 for no
// bound, where only time stops it.
static bool start(guest *new, uint64_t fuel) {
    cmabi_error *error = NULL;
    cmabi_config *config;
    must(cmabi_config_new(&config, &error), &error);
    must(cmabi_config_set_max_guest_bytes(config, GUEST_BYTES, &error), &error);
    must(cmabi_config_set_max_host_bytes(config, HOST_BYTES, &error), &error);
    must(cmabi_config_set_max_call_bytes(config, CALL_BYTES, &error), &error);
    must(cmabi_config_set_max_handles(config, HANDLES, &error), &error);
    must(cmabi_config_set_interruptible(config, true, &error), &error);
    if (fuel > 0) must(cmabi_config_set_call_fuel(config, fuel, &error), &error);
    must(cmabi_store_new(engine, config, &new->store, &error), &error);
    cmabi_config_free(config);
    // For host functions; before the instance, whose making can call them.
    must(cmabi_store_set_data(new->store, new, NULL, &error), &error);
    new->lines = 0;
    give_time(new, CALL_TIME);
    // Making an instance runs the plug-in's code, and may fail as a call may.
    if (plugin_instantiate(&new->world, linker, new->store, new->component, &error) != CMABI_STATUS_OK) {
        report(new, error);
        return false;
    }
    must(cmabi_instance_set_label(new->store, new->world.instance, string(new->name), &error), &error);
    return true;
}

static void stop(guest *old) {
    plugin_free(&old->world);
    old->world = (plugin){0};
    cmabi_store_free(old->store); // with all that it had
}

static guest load(const char *folder, const char *name) {
    char path[1000];
    cmabi_error *error = NULL;
    guest new = {.name = name};
    snprintf(path, sizeof path, "%s/%s.wasm", folder, name);
    must(cmabi_component_load_file(engine, string(path), &new.component, &error), &error);
    return new;
}

static void unload(guest *old) {
    stop(old);
    cmabi_component_free(old->component);
}

// Has a text rated, and prints what comes of it. False where the plug-in is dead.
static bool rate(guest *by, const char *text, uint64_t time) {
    cmabi_error *error = NULL;
    cmabi_arena *arena;
    plugin_result_string_string rating;
    must(cmabi_arena_new(0, &arena, &error), &error);
    give_time(by, time);
    const cmabi_status status = plugin_rate(&by->world, string(text), arena, &rating, &error);
    if (status == CMABI_STATUS_OK) {
        const cmabi_string verdict = rating.is_err ? rating.val.err : rating.val.ok;
        printf("%s: \"%s\" is %.*s\n", by->name, text, (int)verdict.len, verdict.ptr);
    } else {
        report(by, error);
    }
    cmabi_arena_free(arena);
    return status == CMABI_STATUS_OK;
}

// A plug-in does its worst, and another instance of it takes its place.
static void provoke(guest *bad, uint64_t fuel, uint64_t time) {
    cmabi_error *error = NULL;
    cmabi_arena *arena;
    plugin_result_string_string rating;
    if (!start(bad, fuel)) return;
    if (!rate(bad, "! buy now !", time)) {
        // From now on every call says that it is dead, and why.
        must(cmabi_arena_new(0, &arena, &error), &error);
        const cmabi_status status = plugin_rate(&bad->world, CMABI_STR("hello"), arena, &rating, &error);
        cmabi_error_free(error);
        cmabi_arena_free(arena);
        printf("  replaced, as it is %s\n", status == CMABI_STATUS_ENDED ? "ended" : "alive?");
        stop(bad);
        if (!start(bad, fuel)) return;
    }
    rate(bad, "hello", CALL_TIME);
    stop(bad);
    bad->store = NULL;
}

// ---- Streams ------------------------------------------------------------------------------------------

// Reads and prints up to `most` numbers. False where there will be no more because the plug-in has died.
static bool read_numbers(guest *from, plugin_stream_u8 stream, int most) {
    cmabi_error *error = NULL;
    printf("%s:", from->name);
    for (int i = 0; i < most; i++) {
        uint8_t number;
        cmabi_copied copied;
        give_time(from, CALL_TIME);
        cmabi_status status = plugin_stream_u8_read(from->store, stream, &number, 1, NULL, NULL, NULL, &copied, &error);
        // The plug-in runs until it writes; where it dies, that is what this fails with.
        if (status == CMABI_STATUS_OK && copied.result == CMABI_COPY_RESULT_BLOCKED) {
            status = cmabi_store_run(from->store, &error);
            if (status == CMABI_STATUS_OK) status = cmabi_stream_poll(from->store, stream.handle, &copied, &error);
        }
        if (status != CMABI_STATUS_OK) {
            printf(" and no end\n");
            report(from, error);
            return false;
        }
        // The last one may come with the end, which the plug-in has made.
        if (copied.count > 0) printf(" %d", number);
        if (copied.result == CMABI_COPY_RESULT_DROPPED) {
            printf(" and the end");
            break;
        }
    }
    printf("\n");
    return true;
}

static plugin_stream_u8 numbers(guest *of, uint8_t count) {
    cmabi_error *error = NULL;
    plugin_stream_u8 stream;
    give_time(of, CALL_TIME);
    must(plugin_numbers(&of->world, count, &stream, &error), &error);
    return stream;
}

// Dies with its stream half written; and, in a new instance, is ended by the host.
static void die_in_midstream(guest *dying) {
    cmabi_error *error = NULL;
    if (!start(dying, CALL_FUEL)) return;
    if (!read_numbers(dying, numbers(dying, 6), 7)) {
        printf("  replaced\n");
        stop(dying);
        if (!start(dying, CALL_FUEL)) return;
    }
    read_numbers(dying, numbers(dying, 3), 4);

    const plugin_stream_u8 stream = numbers(dying, 3);
    read_numbers(dying, stream, 1);
    must(cmabi_instance_terminate(dying->store, dying->world.instance, &error), &error);
    read_numbers(dying, stream, 1);
}

int main(int argc, char **argv) {
    cmabi_error *error = NULL;
    const char *const folder = argc > 1 ? argv[1] : ".";
    must(cmabi_engine_new(NULL, &engine, &error), &error);
    linker = make_linker(engine);

    // The good plug-in begins its work: a call that waits for the host, and a stream that is read in part.
    guest good = load(folder, "good");
    if (!start(&good, CALL_FUEL)) return 1;
    cmabi_subtask *call;
    const plugin_rate_args args = {CMABI_STR("you have won")};
    must(plugin_rate_start(&good.world, &args, NULL, NULL, NULL, &call, &error), &error);
    const plugin_stream_u8 stream = numbers(&good, 6);
    read_numbers(&good, stream, 2);

    // Its neighbours do their worst.
    static const char *const names[] = {"spinning", "flooding", "chatty", "crashing", "lying"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        guest bad = load(folder, names[i]);
        provoke(&bad, CALL_FUEL, CALL_TIME);
        // Without a bound of its work, it is stopped by the clock.
        if (i == 0) provoke(&bad, 0, SHORT_TIME);
        unload(&bad);
    }
    guest dying = load(folder, "dying");
    die_in_midstream(&dying);
    unload(&dying);
    guest other = load(folder, "other");
    start(&other, CALL_FUEL);
    unload(&other);

    // The good one has not noticed.
    const uint32_t reports = 7;
    give_time(&good, CALL_TIME);
    must(plugin_lookup_return(asked, &reports, &error), &error);
    cmabi_task_free(asked);
    must(cmabi_store_run(good.store, &error), &error);
    const plugin_result_string_string *rating = plugin_rate_results(call);
    printf("good: \"you have won\" is %.*s\n", (int)rating->val.err.len, rating->val.err.ptr);
    read_numbers(&good, stream, 5);
    cmabi_subtask_free(call);
    unload(&good);
    cmabi_linker_free(linker);
    cmabi_engine_free(engine);
}
