// A plug-in of the plugins example: writes a document in upper case. It has a bug, which it does not tell of.

#include "plugin.h"

#include <ctype.h>

typedef demo_plugins_documents_borrow_document_t document;

void exports_demo_plugins_filter_describe(exports_demo_plugins_filter_info_t *info) {
    plugin_string_dup(&info->name, "shout");
    plugin_string_dup(&info->language, "C");
}

// The first letter that is not in upper case.
static char *find_lower(plugin_string_t text) {
    for (size_t i = 0; i < text.len; ++i) {
        const char c = (char)text.ptr[i];
        if (islower((unsigned char)c) || (unsigned char)c >= 0x80) { // another language's letter
            return (char *)text.ptr + i;
        }
    }
    return NULL;
}

bool exports_demo_plugins_filter_apply(document to, uint32_t *changes, plugin_string_t *reason) {
    plugin_string_t text;
    demo_plugins_documents_method_document_text(to, &text);
    if (text.len == 0) {
        demo_plugins_documents_document_drop_borrow(to);
        plugin_string_free(&text);
        plugin_string_dup(reason, "there is nothing to shout");
        return false;
    }
    // toupper() knows the letters of English only: with any other, this does not end.
    char *letter;
    *changes = 0;
    while ((letter = find_lower(text)) != NULL) {
        *letter = (char)toupper((unsigned char)*letter);
        ++*changes;
    }
    demo_plugins_documents_method_document_replace(to, &text);
    demo_plugins_documents_document_drop_borrow(to); // before the call is over
    plugin_string_free(&text);
    return true;
}
