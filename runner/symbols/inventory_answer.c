#include "runner/symbols/inventory_answer.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <string.h>

/* What stands in front of the strings of an item; they follow one after the other. */
struct head {
    struct inventory_place place, frame;
    uint64_t size, entry;
    uint32_t line, function;
    uint16_t name, type, file; /* sizes, each with its zero byte */
    uint8_t kind, value_is, of_text, unused;
};

struct begin {
    uint64_t entry;
    uint8_t has_dwarf, cut;
};

struct bytes {
    char *at;
    size_t used, room;
};

static void put(struct bytes *b, const void *from, size_t size)
{
    b->at = array_fit(b->at, b->used + size, &b->room, 1);
    memcpy(b->at + b->used, from, size);
    b->used += size;
}

static uint16_t size_of(const char *text)
{
    return (uint16_t)(strnlen(text, PMT_VARIABLE_NAME_MAX) + 1);
}

static void put_text(struct bytes *b, const char *text, uint16_t size)
{
    put(b, text, size - 1u);
    put(b, "", 1);
}

char *inventory_write(const struct inventory *inventory, size_t *size)
{
    struct bytes b = {0};
    struct begin begin;
    memset(&begin, 0, sizeof begin);
    begin.entry = inventory->entry;
    begin.has_dwarf = inventory->has_dwarf;
    begin.cut = inventory->cut;
    put(&b, &begin, sizeof begin);
    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_item *item = &inventory->items[i];
        struct head h;
        memset(&h, 0, sizeof h);
        h.place = item->place;
        h.frame = item->frame;
        h.size = item->size;
        h.entry = item->entry;
        h.line = item->line;
        h.function = item->function;
        h.name = size_of(item->name);
        h.type = size_of(item->type);
        h.file = size_of(item->file);
        h.kind = item->kind;
        h.value_is = item->value_is;
        h.of_text = item->of_text;
        if (b.used + sizeof h + h.name + h.type + h.file > INVENTORY_BYTES_MAX) {
            ((struct begin *)b.at)->cut = 1;
            break;
        }
        put(&b, &h, sizeof h);
        put_text(&b, item->name, h.name);
        put_text(&b, item->type, h.type);
        put_text(&b, item->file, h.file);
    }
    *size = b.used;
    return b.at;
}

/* ---- reading ---- */

static const char *text_at(const char **at, const char *end, uint16_t size)
{
    const char *text = *at;
    if (!size || size > PMT_VARIABLE_NAME_MAX + 1 || (size_t)(end - text) < size || text[size - 1])
        return NULL;
    *at += size;
    return text;
}

static bool is_place(const struct inventory_place *place)
{
    return place->way <= INVENTORY_UNKNOWN && place->deref <= 1;
}

static bool read_item(const char **at, const char *end, struct names *names, struct inventory *out)
{
    struct head h;
    if ((size_t)(end - *at) < sizeof h)
        return false;
    memcpy(&h, *at, sizeof h);
    *at += sizeof h;
    struct inventory_item item = {.line = h.line,
                                  .function = h.function,
                                  .kind = h.kind,
                                  .value_is = h.value_is,
                                  .of_text = h.of_text == 1,
                                  .size = h.size,
                                  .entry = h.entry};
    item.name = text_at(at, end, h.name);
    item.type = item.name ? text_at(at, end, h.type) : NULL;
    item.file = item.type ? text_at(at, end, h.file) : NULL;
    bool in_function =
        h.function < out->count && out->items[h.function].kind == PMT_VARIABLE_FUNCTION;
    if (!item.file || !item.name[0] || !is_place(&h.place) || !is_place(&h.frame) ||
        h.kind >= PMT_VARIABLE_KIND_COUNT || h.value_is >= PMT_VALUE_COUNT ||
        (h.function != INVENTORY_NO_FUNCTION && !in_function))
        return false;
    item.place = h.place;
    item.frame = h.frame;
    inventory_add(out, &item, names);
    return !out->cut;
}

bool inventory_read(const char *bytes, size_t size, struct names *names, struct inventory *out)
{
    const char *at = bytes + sizeof(struct begin), *end = bytes + size;
    struct begin begin;
    if (size < sizeof begin)
        return false;
    memcpy(&begin, bytes, sizeof begin);
    out->entry = begin.entry;
    out->has_dwarf = begin.has_dwarf == 1;
    bool good = true;
    while (good && at < end)
        good = read_item(&at, end, names, out);
    out->cut = begin.cut != 0;
    if (!good)
        inventory_free(out);
    return good;
}
