/* A program of C's: arguments, environment, files and standard streams by way of stdio. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *name = getenv("NAME");
    printf("hello %s\n", name ? name : "you");
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "r");
        if (!file) {
            fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
            return 3;
        }
        char line[256];
        while (fgets(line, sizeof line, file)) fputs(line, stdout);
        fclose(file);
    }
    return 0;
}
