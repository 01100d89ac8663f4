#include "runner/base/names.h"
#include "runner/base/memory.h"
#include <string.h>

static bool is_text(const void *entry, const void *text, size_t size)
{
    (void)size; /* both end with a zero byte */
    return strcmp(entry, text) == 0;
}

const char *names_intern(struct names *names, const char *text)
{
    if (!text)
        return NULL;
    void **at = table_place(&names->texts, text, strlen(text), is_text);
    if (!*at)
        *at = memory_text(text);
    return *at;
}

void names_free(struct names *names)
{
    table_free(&names->texts, memory_put);
}
