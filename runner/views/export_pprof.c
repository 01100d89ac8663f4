#include "runner/views/export_pprof.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/table.h"
#include "runner/views/export_frames.h"
#include <pprof.pb-c.h>
#include <string.h>
#include <zlib.h>

#define VALUES 6u

/* A text, a function or a location that has a number; the key is its bytes. */
struct numbered {
    uint64_t number; /* of texts from 0, of others from 1 */
    size_t size;
    char key[];
};

/* A list of messages, each made once. */
struct list {
    struct table known;
    void **items;
    size_t count, room;
};

struct writer {
    struct list texts, functions, locations, samples;
    struct export_frames *frames; /* of the stack in hand */
};

static bool has_key(const void *entry, const void *key, size_t size)
{
    const struct numbered *n = entry;
    return n->size == size && memcmp(n->key, key, size) == 0;
}

/* The number of what has this key; `*fresh`: it is new, and its message is to be added. */
static uint64_t number_of(struct list *list, const void *key, size_t size, bool *fresh)
{
    void **at = table_place(&list->known, key, size, has_key);
    struct numbered *n = *at;
    *fresh = !n;
    if (!n) {
        *at = n = memory_get(sizeof *n + size);
        n->number = list->count;
        n->size = size;
        memcpy(n->key, key, size);
    }
    return n->number;
}

static void add(struct list *list, void *message)
{
    *array_add(list->items, list->count, list->room) = message;
}

static int64_t text(struct writer *w, const char *text)
{
    bool fresh;
    uint64_t number = number_of(&w->texts, text, strlen(text), &fresh);
    if (fresh)
        add(&w->texts, memory_text(text));
    return (int64_t)number;
}

static uint64_t function(struct writer *w, const struct export_frame *frame)
{
    int64_t key[2] = {text(w, frame->function), text(w, frame->file)};
    bool fresh;
    uint64_t number = number_of(&w->functions, key, sizeof key, &fresh);
    if (fresh) {
        Pprof__Function *f = memory_get(sizeof *f);
        pprof__function__init(f);
        f->id = number + 1;
        f->name = f->system_name = key[0];
        f->filename = key[1];
        add(&w->functions, f);
    }
    return number + 1;
}

/* A frame of the machine with what is inlined there: `count` of frames->items from `first` on. */
static uint64_t location(struct writer *w, const struct export_frames *frames, unsigned first,
                         unsigned count)
{
    bool fresh;
    const struct export_frame *frame = &frames->items[first];
    uint64_t number = number_of(&w->locations, &frame->ip, sizeof frame->ip, &fresh);
    if (!fresh)
        return number + 1;
    Pprof__Location *l = memory_get(sizeof *l);
    pprof__location__init(l);
    l->id = number + 1;
    l->mapping_id = 1;
    l->address = frame->ip;
    l->n_line = count;
    l->line = memory_get(count * sizeof *l->line);
    for (unsigned i = 0; i < count; i++) {
        Pprof__Line *line = l->line[i] = memory_get(sizeof *line);
        pprof__line__init(line);
        line->function_id = function(w, frame + i);
        line->line = frame[i].line;
    }
    add(&w->locations, l);
    return number + 1;
}

static void sample(struct writer *w, const struct model *m, uint32_t stack_id,
                   const struct export_sum *sum)
{
    struct export_frames *frames = w->frames;
    const int64_t values[VALUES] = {(int64_t)sum->total_blocks, (int64_t)sum->total,
                                    (int64_t)sum->live_blocks,  (int64_t)sum->live,
                                    (int64_t)sum->peak_blocks,  (int64_t)sum->peak};
    Pprof__Sample *s = memory_get(sizeof *s);
    pprof__sample__init(s);
    export_frames_of(m, stack_id, frames);
    s->location_id = memory_get((frames->count + 1) * sizeof *s->location_id);
    for (unsigned i = 0, size; i < frames->count; i += size) {
        for (size = 1; frames->items[i + size - 1].inlined && i + size < frames->count;)
            size++;
        s->location_id[s->n_location_id++] = location(w, frames, i, size);
    }
    s->value = memory_get(sizeof values);
    s->n_value = VALUES;
    memcpy(s->value, values, sizeof values);
    add(&w->samples, s);
}

/* ---- out ---- */

static char *zipped(const void *bytes, size_t size, size_t *out_size)
{
    z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)size};
    const int gzip = 15 + 16; /* zlib.h, deflateInit2(): a header of gzip */
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    size_t room = deflateBound(&z, size) + 64;
    char *out = memory_get(room);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    deflate(&z, Z_FINISH);
    *out_size = z.total_out;
    deflateEnd(&z);
    return out;
}

static void put_list(struct list *list)
{
    table_free(&list->known, memory_put);
    memory_put(list->items);
}

static void put_all(struct writer *w)
{
    for (size_t i = 0; i < w->locations.count; i++) {
        Pprof__Location *l = w->locations.items[i];
        for (size_t k = 0; k < l->n_line; k++)
            memory_put(l->line[k]);
        memory_put(l->line);
        memory_put(l);
    }
    for (size_t i = 0; i < w->samples.count; i++) {
        Pprof__Sample *s = w->samples.items[i];
        memory_put(s->location_id);
        memory_put(s->value);
        memory_put(s);
    }
    for (size_t i = 0; i < w->functions.count; i++)
        memory_put(w->functions.items[i]);
    for (size_t i = 0; i < w->texts.count; i++)
        memory_put(w->texts.items[i]);
    put_list(&w->texts);
    put_list(&w->functions);
    put_list(&w->locations);
    put_list(&w->samples);
}

static char *packed(struct writer *w, const struct model *m, uint64_t duration_ns, size_t *size)
{
    static const char *const types[VALUES][2] = {
        {"alloc_objects", "count"}, {"alloc_space", "bytes"},  {"inuse_objects", "count"},
        {"inuse_space", "bytes"},   {"peak_objects", "count"}, {"peak_space", "bytes"}};
    Pprof__ValueType values[VALUES], *value_list[VALUES];
    Pprof__Mapping mapping = PPROF__MAPPING__INIT, *mappings[] = {&mapping};
    Pprof__Profile p = PPROF__PROFILE__INIT;
    for (unsigned i = 0; i < VALUES; i++) {
        pprof__value_type__init(&values[i]);
        values[i].type = text(w, types[i][0]);
        values[i].unit = text(w, types[i][1]);
        value_list[i] = &values[i];
    }
    mapping.id = 1;
    mapping.filename = text(w, m->image->exe);
    mapping.has_functions = mapping.has_filenames = mapping.has_line_numbers =
        mapping.has_inline_frames = 1;
    p.default_sample_type = text(w, "inuse_space");
    p.duration_nanos = (int64_t)duration_ns;
    p.n_sample_type = VALUES;
    p.sample_type = value_list;
    p.n_mapping = 1;
    p.mapping = mappings;
    p.n_sample = w->samples.count;
    p.sample = (Pprof__Sample **)w->samples.items;
    p.n_location = w->locations.count;
    p.location = (Pprof__Location **)w->locations.items;
    p.n_function = w->functions.count;
    p.function = (Pprof__Function **)w->functions.items;
    p.n_string_table = w->texts.count;
    p.string_table = (char **)w->texts.items;
    size_t whole = pprof__profile__get_packed_size(&p);
    uint8_t *bytes = memory_get(whole + 1);
    pprof__profile__pack(&p, bytes);
    char *out = zipped(bytes, whole, size);
    memory_put(bytes);
    return out;
}

char *export_pprof(const struct model *m, const struct export_sums *sums, uint64_t duration_ns,
                   size_t *size)
{
    struct writer w = {.frames = memory_get(sizeof *w.frames)};
    text(&w, "");
    for (uint32_t id = 0; id < sums->room; id++)
        if (sums->items[id].total_blocks)
            sample(&w, m, id, &sums->items[id]);
    char *out = packed(&w, m, duration_ns, size);
    put_all(&w);
    memory_put(w.frames);
    return out;
}
