#include "runner/replay/alloc_line.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"
#include "runner/replay/word_sizes.h"
#include "schemas/glibc.h"
#include "schemas/names.h"
#include "schemas/record_check.h"
#include <string.h>

/* What is left of the line. */
struct rest {
    const char *at, *end;
};

#define SKIP(rest, text) skip((rest), "" text, sizeof(text) - 1)

/* Goes on behind the text if it comes next. */
static inline bool skip(struct rest *r, const char *text, size_t size)
{
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, text, size) != 0)
        return false;
    r->at += size;
    return true;
}

/* As JSON has it: no sign, no leading zero. */
static inline bool read_unsigned(struct rest *r, uint64_t max, uint64_t *out)
{
    const char *first = r->at;
    uint64_t value = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - first < 19)
        value = value * 10 + (uint64_t)(*r->at++ - '0');
    *out = value;
    ptrdiff_t digits = r->at - first;
    return digits > 0 && digits < 19 && (digits == 1 || *first != '0') && value <= max;
}

static inline bool read_u32(struct rest *r, uint32_t *out)
{
    uint64_t value;
    bool read = read_unsigned(r, UINT32_MAX, &value);
    *out = (uint32_t)value;
    return read;
}

static inline bool read_address(struct rest *r, uint64_t *out)
{
    if (!SKIP(r, "\"0x"))
        return false;
    const char *first = r->at;
    uint64_t value = 0;
    for (; r->at < r->end && r->at - first < 17; r->at++) {
        char c = *r->at;
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            break;
    }
    *out = value;
    ptrdiff_t digits = r->at - first;
    return digits > 0 && digits < 17 && SKIP(r, "\"");
}

/* The name of an allocator call, with its quotes; 0: none. */
static uint8_t read_call(struct rest *r)
{
    if (SKIP(r, "\"malloc\""))
        return PMT_CALL_MALLOC;
    if (SKIP(r, "\"free\""))
        return PMT_CALL_FREE;
    if (!SKIP(r, "\""))
        return 0;
    for (unsigned call = PMT_CALL_MALLOC; call <= PMT_CALL_PVALLOC; call++) {
        const char *name = names_call(call);
        struct rest behind = *r;
        if (!skip(&behind, name, strlen(name)) || !SKIP(&behind, "\""))
            continue;
        *r = behind;
        return (uint8_t)call;
    }
    return 0;
}

/* ,"placement":... and ,"usable":... as glibc's size word: see chunk_of(). */
static bool read_chunk(struct rest *r, unsigned word_size, uint64_t *out)
{
    uint64_t usable, flags = 1;
    *out = 0;
    if (!SKIP(r, ",\"placement\":\""))
        return false;
    if (SKIP(r, "unknown\""))
        return true;
    if (SKIP(r, "mmap\""))
        flags = PMT_CHUNK_MMAPPED;
    else if (SKIP(r, "arena\""))
        flags |= PMT_CHUNK_NON_MAIN_ARENA;
    else if (!SKIP(r, "heap\""))
        return false;
    return SKIP(r, ",\"usable\":") && read_unsigned(r, UINT64_MAX, &usable) &&
           glibc_chunk_make(usable, flags, word_size, out);
}

static bool read_head(struct rest *r, struct pmt_record *record, struct event *out)
{
    uint64_t seq;
    return SKIP(r, "{\"type\":\"alloc\",\"seq\":") && read_unsigned(r, UINT64_MAX, &seq) &&
           SKIP(r, ",\"t_ns\":") && read_unsigned(r, UINT64_MAX, &out->t_ns) &&
           SKIP(r, ",\"pid\":") && read_u32(r, &out->pid) && SKIP(r, ",\"image\":") &&
           read_u32(r, &out->image) && SKIP(r, ",\"tid\":") && read_u32(r, &record->tid) &&
           SKIP(r, ",\"call\":") && (record->call = read_call(r)) != 0;
}

/* What calls have that give a block, up to `addr`. */
static bool read_request(struct rest *r, struct pmt_alloc *a)
{
    return a->r.call == PMT_CALL_FREE ||
           (SKIP(r, ",\"size\":") && read_unsigned(r, UINT64_MAX, &a->size));
}

/* ... and behind it. */
static bool read_more(struct rest *r, struct pmt_alloc *a)
{
    bool again = a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY;
    if (again && !(SKIP(r, ",\"old_addr\":") && read_address(r, &a->old_addr) &&
                   SKIP(r, ",\"began_ns\":") && read_unsigned(r, UINT64_MAX, &a->began)))
        return false;
    return a->r.call == PMT_CALL_FREE || !SKIP(r, ",\"alignment\":") ||
           read_unsigned(r, UINT64_MAX, &a->alignment);
}

/* ,"caller":"..."; with an escape in it: the long way. */
static bool skip_caller(struct rest *r)
{
    if (!SKIP(r, ",\"caller\":\""))
        return true;
    const char *first = r->at, *end = memchr(first, '"', (size_t)(r->end - first));
    if (!end || memchr(first, '\\', (size_t)(end - first)))
        return false;
    r->at = end + 1;
    return true;
}

/* What is derived. */
static bool skip_derived(struct rest *r)
{
    uint64_t number;
    if (!skip_caller(r) ||
        (SKIP(r, ",\"live_bytes\":") && !read_unsigned(r, UINT64_MAX, &number)) ||
        (SKIP(r, ",\"heap_bytes\":") && !read_unsigned(r, UINT64_MAX, &number)) ||
        (SKIP(r, ",\"mmap_threshold\":") && !read_unsigned(r, UINT64_MAX, &number)))
        return false;
    if (SKIP(r, ",\"reason\":{")) { /* no braces in it */
        const char *end = memchr(r->at, '}', (size_t)(r->end - r->at));
        r->at = end ? end + 1 : r->end;
    }
    return true;
}

static bool read_alloc(struct replay *p, struct rest *r, struct pmt_alloc *a, struct event *out)
{
    if (!read_head(r, &a->r, out) || !read_request(r, a) || !SKIP(r, ",\"addr\":"))
        return false;
    bool null = SKIP(r, "null");
    if ((!null && !read_address(r, &a->addr)) || !read_more(r, a) ||
        (!null && !read_chunk(r, word_sizes_of(p, out->image), &a->chunk)))
        return false;
    if (SKIP(r, ",\"stack_id\":") && !read_u32(r, &a->r.stack_id))
        return false;
    return skip_derived(r) && SKIP(r, "}") && r->at == r->end;
}

bool alloc_line_read(struct replay *p, const char *line, size_t size, struct event *out)
{
    struct pmt_alloc *a = (struct pmt_alloc *)p->record;
    struct rest rest = {line, line + size};
    if (!p->word_size)
        return false;
    memset(a, 0, sizeof *a);
    *out = (struct event){.record = &a->r};
    if (!read_alloc(p, &rest, a, out))
        return false;
    bool is_short = (a->r.call == PMT_CALL_MALLOC || a->r.call == PMT_CALL_CALLOC) && !a->alignment;
    p->used = a->r.call == PMT_CALL_FREE ? PMT_ALLOC_FREE_SIZE
              : is_short                 ? PMT_ALLOC_MALLOC_SIZE
                                         : sizeof *a;
    a->r.type = PMT_RECORD_ALLOC;
    a->r.time = out->t_ns;
    a->r.units = (uint16_t)(p->used / PMT_RECORD_ALIGN);
    out->began_ns = a->began;
    return record_valid(&a->r, p->used);
}

/* ---- the long way ---- */

/* The size word of glibc's chunk: the inverse of names_placement() and glibc_usable(). */
static uint64_t chunk_of(struct replay *p, const json_t *event)
{
    const char *placement = field_chars(p, event, "placement");
    uint64_t flags = 1; /* PREV_INUSE: so that it is not 0 */
    if (strcmp(placement, "unknown") == 0)
        return 0;
    if (strcmp(placement, "mmap") == 0)
        flags = PMT_CHUNK_MMAPPED;
    else if (strcmp(placement, "arena") == 0)
        flags |= PMT_CHUNK_NON_MAIN_ARENA;
    else if (strcmp(placement, "heap") != 0)
        failure_field(p, "placement", "\"heap\", \"mmap\", \"arena\" or \"unknown\"");
    uint64_t chunk, usable = field_find_unsigned(p, event, "usable", UINT64_MAX);
    if (!glibc_chunk_make(usable, flags, word_sizes_of(p, field_image(p, event)), &chunk))
        failure_field(p, "usable", "a size that a block of glibc can have");
    return chunk;
}

void alloc_line_build(struct replay *p, const json_t *event)
{
    struct pmt_alloc *a = draft_start(p, PMT_RECORD_ALLOC, sizeof *a);
    unsigned call = a->r.call = field_name(p, event, "call", names_call, PMT_CALL_COUNT);
    if (!json_is_null(json_object_get(event, "addr"))) {
        a->addr = field_address(p, event, "addr");
        a->chunk = chunk_of(p, event);
    }
    if (call == PMT_CALL_FREE) {
        p->used = PMT_ALLOC_FREE_SIZE;
        return;
    }
    a->size = field_unsigned(p, event, "size", UINT64_MAX);
    a->alignment = field_find_unsigned(p, event, "alignment", UINT64_MAX);
    a->error = (uint32_t)field_find_errno(p, event);
    if (call == PMT_CALL_REALLOC || call == PMT_CALL_REALLOCARRAY) {
        a->old_addr = field_address(p, event, "old_addr");
        a->began = p->began_ns = field_unsigned(p, event, "began_ns", UINT64_MAX);
    }
    if ((call == PMT_CALL_MALLOC || call == PMT_CALL_CALLOC) && !a->error && !a->alignment)
        p->used = PMT_ALLOC_MALLOC_SIZE;
}
