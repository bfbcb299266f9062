// The greeter in C. `greeter.h` is generated from greeter.wit.
#include "greeter.h"

#include <stdlib.h>
#include <string.h>

static greeter_string_t greet_one(const greeter_person_t *person) {
    const char *const before = person->visits > 0 ? "Welcome back, " : "Hello, ";
    const size_t len = strlen(before) + person->name.len + 1;
    uint8_t *const text = malloc(len);
    memcpy(text, before, strlen(before));
    memcpy(text + strlen(before), person->name.ptr, person->name.len);
    text[len - 1] = '!';
    return (greeter_string_t){text, len};
}

void exports_greeter_greet(greeter_list_person_t *people, greeter_list_string_t *ret) {
    greeter_string_t line;
    greeter_string_set(&line, people->len == 1 ? "one of them" : "more than one of them");
    demo_greeter_log_line(&line);

    ret->len = people->len;
    ret->ptr = malloc(people->len * sizeof *ret->ptr);
    for (size_t i = 0; i < people->len; i++) ret->ptr[i] = greet_one(&people->ptr[i]);
    // What was passed is the guest's; what it returns is freed after the host has it.
    greeter_list_person_free(people);
}
