#include "runner/views/html_calls.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/views/why.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <zlib.h>

/* All calls are kept while they are few; then one block in 4 with its free, in 16, 64 ... */
#define FEW_CALLS 400000u
#define STEP_CALLS 100000u
#define MOST_STEPS 4u
#define LARGE (128u << 10) /* such blocks, and those outside the heap, are kept much longer */

#define WITH_REASON 20000u

#define RECENT 4096u    /* calls that changes can still refer to */
#define GIVES_BLOCK 32u /* in the column of kinds, beside the number of the call's name */
#define TAKES_BLOCK 64u
#define CALL_NAMES 32u

/* In the order in which they are packed. */
enum {
    TIME,
    KIND,
    BACK,
    TAKER_STACK,
    SIZE,
    ADDR,
    PLACE,
    STACK,
    LEFT_ALLOCATIONS, /* calls that were left out since the last one */
    LEFT_FREES,
    LEFT_BYTES, /* and by how much they changed what is in use */
    REASON,     /* "code\tsentence\n" of each of the first calls; no varints */
    COLUMNS
};
static const char *const column_names[COLUMNS] = {"t",  "k",  "back", "fst", "size", "addr",
                                                  "pl", "st", "la",   "lf",  "lb",   "why"};

struct column {
    uint8_t *bytes;
    size_t count, room;
};

struct html_calls {
    struct column columns[COLUMNS];
    size_t calls, blocks;
    uint64_t last_ns, last_addr;
    uint64_t left_allocations, left_frees; /* since the last call that was kept */
    uint64_t in_use;                       /* bytes, as the columns say */
    uint64_t candidates;
    struct allocations live; /* `t_ns` of one is its number among the blocks, not a time */
    uint64_t recent[RECENT]; /* the numbers of the last calls */
    uint8_t names[CALL_NAMES];
    unsigned name_count;
};

struct html_calls *html_calls_new(void)
{
    struct html_calls *c = memory_get(sizeof *c);
    allocations_init(&c->live);
    return c;
}

void html_calls_free(struct html_calls *c)
{
    for (unsigned i = 0; i < COLUMNS; i++)
        memory_put(c->columns[i].bytes);
    allocations_free(&c->live);
    memory_put(c);
}

static void put_byte(struct column *column, uint8_t value)
{
    *array_add(column->bytes, column->count, column->room) = value;
}

static void put(struct column *column, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        put_byte(column, (uint8_t)(value | 128));
    put_byte(column, (uint8_t)value);
}

/* Small differences of either sign become small numbers. */
static uint64_t zigzag(int64_t value)
{
    return value < 0 ? ~((uint64_t)value << 1) : (uint64_t)value << 1;
}

static unsigned name_number(struct html_calls *c, unsigned call)
{
    unsigned i = 0;
    while (i < c->name_count && c->names[i] != call)
        i++;
    if (i == c->name_count && i < CALL_NAMES)
        c->names[c->name_count++] = (uint8_t)call;
    return i;
}

/* 0: in the heap, 1: in a mapping of its own, 2: in an arena, 3: not known. */
static uint8_t place_of(const struct pmt_alloc *a)
{
    if (!a->chunk)
        return 3;
    return a->chunk & PMT_CHUNK_MMAPPED ? 1 : a->chunk & PMT_CHUNK_NON_MAIN_ARENA ? 2 : 0;
}

static void add_block(struct html_calls *c, const struct pmt_alloc *a)
{
    uint64_t addr = a->addr >> 3;
    c->in_use += a->size;
    put(&c->columns[SIZE], a->size);
    put(&c->columns[ADDR], zigzag((int64_t)(addr - c->last_addr)));
    put_byte(&c->columns[PLACE], place_of(a));
    put(&c->columns[STACK], a->r.stack_id);
    c->last_addr = addr;
    allocations_add(&c->live,
                    &(struct allocation){.addr = a->addr, .size = a->size, .t_ns = c->blocks});
    c->blocks++;
}

/* The block that the call takes back, by the rule of the model; 0: none. */
static uint64_t taken_by(const struct model *m, const struct pmt_alloc *a, uint64_t began_ns)
{
    if (a->r.call == PMT_CALL_FREE)
        return a->addr;
    if (a->r.call != PMT_CALL_REALLOC && a->r.call != PMT_CALL_REALLOCARRAY)
        return 0;
    return allocations_given_back(&m->image->allocations, a, began_ns) ? a->old_addr : 0;
}

/* Whether a call is told by itself. What is kept of a block is all: its beginning and its end. */
static bool is_kept(struct html_calls *c, const struct pmt_alloc *a, bool gives, uint64_t taken,
                    unsigned changes)
{
    size_t steps = c->calls < FEW_CALLS ? 0 : 1 + (c->calls - FEW_CALLS) / STEP_CALLS;
    if (!steps || allocations_find(&c->live, taken))
        return true;
    if (!gives || steps > MOST_STEPS)
        return false;
    return changes || place_of(a) || a->size >= LARGE || c->candidates++ % (1u << 2 * steps) == 0;
}

static void leave_out(struct html_calls *c, bool gives)
{
    if (gives)
        c->left_allocations++;
    else
        c->left_frees++;
}

/* What was in use before the call is known to the model. */
static void put_left_out(struct html_calls *c, uint64_t in_use)
{
    put(&c->columns[LEFT_ALLOCATIONS], c->left_allocations);
    put(&c->columns[LEFT_FREES], c->left_frees);
    put(&c->columns[LEFT_BYTES], zigzag((int64_t)(in_use - c->in_use)));
    c->left_allocations = c->left_frees = 0;
    c->in_use = in_use;
}

static void put_time(struct html_calls *c, uint64_t t_ns)
{
    uint64_t now = t_ns > c->last_ns ? t_ns : c->last_ns;
    put(&c->columns[TIME], now - c->last_ns);
    c->last_ns = now;
}

static void put_taken(struct html_calls *c, uint64_t taken)
{
    struct allocation old;
    bool known = allocations_take(&c->live, taken, &old);
    put(&c->columns[BACK], known ? c->blocks - old.t_ns : 0);
    c->in_use -= known ? old.size : 0;
}

static void put_text(struct column *column, const char *text)
{
    while (*text)
        put_byte(column, (uint8_t)*text++);
}

static void put_reason(struct html_calls *c, const struct model *m, const struct pmt_alloc *a)
{
    char why[256];
    if (c->calls >= WITH_REASON)
        return;
    if (m->reason.code) {
        why_call_text(m, a, why, sizeof why);
        put_text(&c->columns[REASON], reason_name(m->reason.code));
        put_byte(&c->columns[REASON], '\t');
        put_text(&c->columns[REASON], why);
    }
    put_byte(&c->columns[REASON], '\n');
}

void html_calls_add(struct html_calls *c, const struct model *m, const struct event *event,
                    unsigned changes)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    bool gives = a->r.call != PMT_CALL_FREE && a->addr;
    uint64_t taken = taken_by(m, a, event->began_ns);
    if (!is_kept(c, a, gives, taken, changes))
        return leave_out(c, gives);
    put_time(c, event->t_ns);
    put_left_out(c, m->image->allocations.bytes);
    put_byte(&c->columns[KIND], (uint8_t)(name_number(c, a->r.call) | (gives ? GIVES_BLOCK : 0) |
                                          (taken ? TAKES_BLOCK : 0)));
    if (taken)
        put_taken(c, taken);
    if (gives)
        add_block(c, a);
    else
        put(&c->columns[TAKER_STACK], a->r.stack_id);
    put_reason(c, m, a);
    c->recent[c->calls++ % RECENT] = m->seq;
}

size_t html_calls_count(const struct html_calls *c)
{
    return c->calls;
}

size_t html_calls_find(const struct html_calls *c, uint64_t seq)
{
    size_t least = c->calls > RECENT ? c->calls - RECENT : 0;
    for (size_t i = c->calls; i > least; i--)
        if (c->recent[(i - 1) % RECENT] == seq)
            return i - 1;
    return SIZE_MAX;
}

void html_calls_write_index(const struct html_calls *c, FILE *out)
{
    fprintf(out, "{\"n\":%zu,\"m\":%zu,\"names\":[", c->calls, c->blocks);
    for (unsigned i = 0; i < c->name_count; i++)
        fprintf(out, "%s\"%s\"", i ? "," : "", names_call(c->names[i]));
    fprintf(out, "],\"left\":[%" PRIu64 ",%" PRIu64 "],\"cols\":[", c->left_allocations,
            c->left_frees);
    for (unsigned i = 0; i < COLUMNS; i++)
        fprintf(out, "%s[\"%s\",%zu]", i ? "," : "", column_names[i], c->columns[i].count);
    fputs("]}", out);
}

/* ---- deflate and base64 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* `size` is a multiple of 3, but for the last bytes. */
static void write_base64(const uint8_t *bytes, size_t size, FILE *out)
{
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        fputc(digits[three >> 18], out);
        fputc(digits[three >> 12 & 63], out);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[three & 63] : '=', out);
    }
}

/* Deflates what stands in `z`, and writes all blocks that get full; the last, too, with Z_FINISH.
 */
static void deflate_on(z_stream *z, uint8_t *block, size_t size, int flush, FILE *out)
{
    int result;
    do {
        result = deflate(z, flush);
        if (z->avail_out && flush != Z_FINISH)
            return;
        write_base64(block, size - z->avail_out, out);
        z->next_out = block;
        z->avail_out = (uInt)size;
    } while (z->avail_in || (flush == Z_FINISH && result == Z_OK));
}

void html_calls_write(const struct html_calls *c, FILE *out)
{
    static uint8_t block[3 * 8192];
    z_stream z = {.next_out = block, .avail_out = sizeof block};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    for (unsigned i = 0; i < COLUMNS; i++) {
        z.next_in = c->columns[i].bytes;
        z.avail_in = (uInt)c->columns[i].count;
        deflate_on(&z, block, sizeof block, i + 1 < COLUMNS ? Z_NO_FLUSH : Z_FINISH, out);
    }
    deflateEnd(&z);
}
