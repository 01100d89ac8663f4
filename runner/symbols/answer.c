#include "runner/symbols/answer.h"
#include "runner/base/memory.h"
#include <string.h>

enum { TEXT_NONE, TEXT_FOLLOWS };

static char *write_text(char *at, const char *text)
{
    *at++ = text ? TEXT_FOLLOWS : TEXT_NONE;
    if (!text)
        return at;
    size_t size = strnlen(text, ANSWER_TEXT_MAX);
    memcpy(at, text, size);
    at[size] = '\0';
    return at + size + 1;
}

static char *write_place(char *at, const struct symbol_place *place)
{
    memcpy(at, &place->line, sizeof place->line);
    return write_text(write_text(at + sizeof place->line, place->function), place->file);
}

size_t answer_write(const struct symbol *symbol, char out[ANSWER_MAX])
{
    struct symbol_place first = {symbol->function, symbol->file, symbol->line};
    char *at = write_place(out, &first);
    for (unsigned i = 0; i < symbol->inlined; i++)
        at = write_place(at, &symbol->inlined_into[i]);
    return (size_t)(at - out);
}

struct bytes {
    const char *at, *end; /* at NULL: they are no answer */
};

static const char *read_text(struct bytes *b, struct names *names)
{
    if (!b->at || b->at == b->end || *b->at == TEXT_NONE) {
        b->at = b->at && b->at < b->end ? b->at + 1 : NULL;
        return NULL;
    }
    const char *text = b->at + 1;
    const char *end = memchr(text, '\0', (size_t)(b->end - text));
    b->at = end ? end + 1 : NULL;
    return end ? names_intern(names, text) : NULL;
}

static struct symbol_place read_place(struct bytes *b, struct names *names)
{
    struct symbol_place place = {0};
    if (!b->at || (size_t)(b->end - b->at) < sizeof place.line) {
        b->at = NULL;
        return place;
    }
    memcpy(&place.line, b->at, sizeof place.line);
    b->at += sizeof place.line;
    place.function = read_text(b, names);
    place.file = read_text(b, names);
    return place;
}

bool answer_read(const char *bytes, size_t size, struct names *names, struct symbol *out)
{
    struct bytes b = {bytes, bytes + size};
    struct symbol_place into[SYMBOL_MAX_INLINED], first = read_place(&b, names);
    unsigned count = 0;
    while (b.at && b.at < b.end && count < SYMBOL_MAX_INLINED)
        into[count++] = read_place(&b, names);
    if (b.at != b.end)
        return false;
    *out = (struct symbol){first.function, first.file, first.line, count, NULL};
    if (count)
        out->inlined_into = memcpy(memory_get(count * sizeof *into), into, count * sizeof *into);
    return true;
}
