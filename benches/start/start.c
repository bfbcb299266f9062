/* What a host in C takes from the start of main to the first result of a component, and what it then has resident.
 *
 *     bench-start COMPONENT.wasm...
 *
 * runs itself many times with each of the greeters of examples/guest. The time that the dynamic linker takes is
 * measured as well: it is what is before main. `bench-start --once COMPONENT.wasm` is one such run: it prints numbers. */
#define _GNU_SOURCE
#include "greeter.h" /* generated from examples/guest/greeter/greeter.wit */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 300 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static cmabi_status on_line(void *data, cmabi_task *task, cmabi_string text) {
    (void)data, (void)task, (void)text;
    return CMABI_STATUS_OK;
}

/* What /proc/self/status says, in KiB. */
static long resident(const char *what) {
    char line[256];
    long kib = 0;
    FILE *const status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, what, strlen(what)) == 0) kib = atol(line + strlen(what));
    if (status) fclose(status);
    return kib;
}

static const char *const SIZES[] = {"VmRSS:", "VmHWM:", "RssFile:", "RssAnon:"};

static int once(double start, const char *path) {
    cmabi_engine *engine = NULL;
    cmabi_component *component = NULL;
    cmabi_store *store = NULL;
    cmabi_linker *linker = NULL;
    cmabi_arena *arena = NULL;
    greeter guest = {0};
    cmabi_error *error = NULL;

    const demo_greeter_log_host log = {.line = on_line};
    const greeter_imports imports = {&log};
    const greeter_person people[] = {{CMABI_STR("Ada"), 3}, {CMABI_STR("Grace"), 0}};
    greeter_list_string lines;
    if (cmabi_engine_new(NULL, &engine, &error) ||
        cmabi_component_load_file(engine, (cmabi_string){path, strlen(path)}, &component, &error) ||
        cmabi_linker_new(engine, &linker, &error) || greeter_add_to_linker(linker, &imports, &error) ||
        cmabi_store_new(engine, NULL, &store, &error) || cmabi_arena_new(0, &arena, &error) ||
        greeter_instantiate(&guest, linker, store, component, &error) ||
        greeter_greet(&guest, (greeter_list_person){people, 2}, arena, &lines, &error)) {
        const cmabi_string message = cmabi_error_message(error);
        fprintf(stderr, "%.*s\n", (int)message.len, message.ptr);
        return EXIT_FAILURE;
    }
    const double end = now();
    long sizes[4];
    for (int i = 0; i < 4; i++) sizes[i] = resident(SIZES[i]);
    printf("%.6f %.6f %ld %ld %ld %ld\n", start, end, sizes[0], sizes[1], sizes[2], sizes[3]);
    return EXIT_SUCCESS;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The table start.csv, where the environment asks for it; NULL otherwise. */
static FILE *table(void) {
    const char *const folder = getenv("CMABI_BENCH_CSV");
    char path[4096];
    if (!folder || snprintf(path, sizeof path, "%s/start.csv", folder) >= (int)sizeof path) return NULL;
    return fopen(path, "w");
}

static int many(const char *path, FILE *csv) {
    double before[RUNS], after[RUNS];
    long sizes[4] = {0};
    for (int run = 0; run < RUNS; run++) {
        int ends[2];
        if (pipe(ends)) return EXIT_FAILURE;
        const double spawned = now();
        const pid_t child = vfork();
        if (child == 0) {
            dup2(ends[1], STDOUT_FILENO);
            execl("/proc/self/exe", "bench-start", "--once", path, (char *)NULL);
            _exit(EXIT_FAILURE);
        }
        close(ends[1]);
        FILE *const told = fdopen(ends[0], "r");
        double start = 0, end = 0;
        const int read = fscanf(told, "%lf %lf %ld %ld %ld %ld", &start, &end, &sizes[0], &sizes[1], &sizes[2], &sizes[3]);
        fclose(told);
        int status = 0;
        waitpid(child, &status, 0);
        if (status != 0 || read != 6) return EXIT_FAILURE;
        before[run] = start - spawned;
        after[run] = end - start;
    }
    qsort(before, RUNS, sizeof *before, ascending);
    qsort(after, RUNS, sizeof *after, ascending);
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
    const double times[] = {before[0], before[RUNS / 2], after[0], after[RUNS / 2]};
    printf("%-12s", name);
    if (csv) fprintf(csv, "%s", name);
    for (int i = 0; i < 4; i++) {
        printf(" %9.2f", times[i]);
        if (csv) fprintf(csv, ",%.3f", times[i]);
    }
    for (int i = 0; i < 4; i++) {
        printf(" %9.2f", (double)sizes[i] / 1024);
        if (csv) fprintf(csv, ",%.3f", (double)sizes[i] / 1024);
    }
    puts("");
    if (csv) fputs("\n", csv);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    const double start = now();
    if (argc == 3 && strcmp(argv[1], "--once") == 0) return once(start, argv[2]);
    printf("%-12s %19s %19s %39s\n", "", "ms before main", "ms to the result", "MiB");
    printf("%-12s %9s %9s %9s %9s %9s %9s %9s %9s\n", "", "best", "median", "best", "median", "resident", "most",
           "file", "anonymous");
    FILE *const csv = table();
    if (csv)
        fputs("component,ms before main,ms before main (median),ms to the result,ms to the result (median),"
              "MiB resident,MiB at most,MiB of files,MiB anonymous\n", csv);
    int failed = 0;
    for (int i = 1; i < argc; i++) failed |= many(argv[i], csv);
    if (csv) fclose(csv);
    return failed;
}
