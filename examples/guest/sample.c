// The guest of the sample: what the host has of the same name, it asks of the host.

#include "sample.h"

#include <stdlib.h>

bool exports_demo_sample_booleans_and(bool a, bool b) {
    return demo_sample_booleans_and(a, b);
}

double exports_demo_sample_floats_add(double a, double b) {
    return demo_sample_floats_add(a, b);
}

void exports_demo_sample_strings_reverse(sample_string_t *text, sample_string_t *ret) {
    demo_sample_strings_reverse(text, ret);
    sample_string_free(text);
}

uint32_t exports_demo_sample_strings_total(sample_string_t *a, sample_string_t *b, sample_string_t *c,
                                           sample_string_t *d, sample_string_t *e, sample_string_t *f,
                                           sample_string_t *g, sample_string_t *h, sample_string_t *i) {
    const uint32_t total = demo_sample_strings_total(a, b, c, d, e, f, g, h, i);
    sample_string_t *const all[] = {a, b, c, d, e, f, g, h, i};
    for (size_t each = 0; each < sizeof all / sizeof *all; ++each) sample_string_free(all[each]);
    return total;
}

void exports_demo_sample_tuples_swap(sample_tuple2_bool_string_t *pair, sample_tuple2_string_bool_t *ret) {
    ret->f0 = pair->f1;
    ret->f1 = pair->f0;
}

void exports_demo_sample_variants_twice(exports_demo_sample_variants_number_or_text_t *what,
                                        exports_demo_sample_variants_number_or_text_t *ret) {
    *ret = *what;
    if (what->tag == EXPORTS_DEMO_SAMPLE_VARIANTS_NUMBER_OR_TEXT_NUMBER) {
        ret->val.number *= 2;
    }
}

void exports_demo_sample_variants_texts(exports_demo_sample_variants_list_number_or_text_t *all,
                                        sample_list_string_t *ret) {
    ret->ptr = malloc(all->len * sizeof *ret->ptr);
    ret->len = 0;
    for (size_t i = 0; i < all->len; ++i) {
        if (all->ptr[i].tag == EXPORTS_DEMO_SAMPLE_VARIANTS_NUMBER_OR_TEXT_TEXT) {
            ret->ptr[ret->len++] = all->ptr[i].val.text;
        }
    }
    free(all->ptr); // the texts themselves are given back
}

exports_demo_sample_enums_size_t exports_demo_sample_enums_larger(exports_demo_sample_enums_size_t than) {
    return than == EXPORTS_DEMO_SAMPLE_ENUMS_SIZE_SMALL ? EXPORTS_DEMO_SAMPLE_ENUMS_SIZE_MEDIUM
                                                        : EXPORTS_DEMO_SAMPLE_ENUMS_SIZE_LARGE;
}

void exports_sample_start(void) {
    sample_started();
}

bool exports_sample_divide(uint32_t a, uint32_t b, uint32_t *ret, sample_string_t *err) {
    if (b == 0) {
        sample_string_dup(err, "division by zero");
        return false;
    }
    *ret = a / b;
    return true;
}

bool exports_sample_half(uint32_t *maybe_of, uint32_t *ret) {
    if (maybe_of == NULL) return false;
    sample_string_t text;
    sample_string_set(&text, "half of");
    demo_sample_logging_log(&text, *maybe_of);
    *ret = *maybe_of / 2;
    return true;
}
