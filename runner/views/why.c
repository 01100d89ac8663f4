#include "runner/views/why.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/sentences.h"
#include "schemas/encode.h"
#include "schemas/glibc.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdio.h>

static void put_size(struct encoder *e, uint64_t bytes)
{
    char size[TEXT_SIZE];
    if (bytes && bytes % 1024 == 0)
        return encode_chars(e, text_exact_size(size, bytes));
    encode_unsigned(e, bytes);
    encode_chars(e, bytes == 1 ? _(" byte") : _(" bytes"));
}

static void put_perms(struct encoder *e, const struct region *r)
{
    char perms[4];
    names_perms(perms, r ? r->raw.perms : 0);
    encode_raw(e, perms, sizeof perms);
}

static bool is(const char *name, size_t length, const char *word)
{
    return strlen(word) == length && strncmp(name, word, length) == 0;
}

static void put_typed(struct encoder *e, enum reason_arg_type type, uint64_t value)
{
    char text[TEXT_SIZE];
    if (type == REASON_BYTES)
        return put_size(e, value);
    if (type == REASON_ROOM)
        return encode_chars(e, text_size(text, value));
    snprintf(text, sizeof text, "%.3f ms", (double)value / 1e6);
    encode_chars(e, text);
}

static void put_argument(struct encoder *e, const struct reason *reason, const char *name,
                         size_t length)
{
    for (unsigned i = 0; i < reason_arg_count(reason->code); i++)
        if (is(name, length, reason_arg_name(reason_arg_at(reason->code, i))))
            put_typed(e, reason_arg_type(reason_arg_at(reason->code, i)), reason->args[i]);
}

/* What stands in braces, of a change; false: something else. */
static bool put_of_change(struct encoder *e, const struct change *ch, const char *name,
                          size_t length)
{
    const struct cause *c = &ch->cause;
    if (is(name, length, "call"))
        encode_chars(e, cause_name(c));
    else if (is(name, length, "system call"))
        encode_chars(e, c->kernel ? names_call(c->kernel) : cause_name(c));
    else if (is(name, length, "bytes"))
        put_size(e, (uint64_t)(ch->delta < 0 ? -ch->delta : ch->delta));
    else if (is(name, length, "parts"))
        encode_unsigned(e, ch->parts.count);
    else if (is(name, length, "before"))
        put_perms(e, ch->before);
    else if (is(name, length, "after"))
        put_perms(e, ch->after);
    else
        return false;
    return true;
}

/* How the chunk comes to its size: malloc/malloc.c, request2size(). What is left of a free chunk
 * that is too small for one of its own stays with the block. */
static void put_making(struct encoder *e, const struct pmt_alloc *a, unsigned word_size)
{
    uint64_t chunk = glibc_chunk_size(a->chunk), asked = glibc_request(a->size, word_size);
    put_size(e, a->size);
    encode_literal(e, " + ");
    encode_unsigned(e, word_size);
    encode_chars(e, _(" of header"));
    if (chunk > asked && chunk - asked < glibc_min_chunk(word_size))
        encode_chars(e, _(", and a rest"));
    else if (chunk == asked && asked - a->size - word_size >= GLIBC_ALIGNMENT)
        encode_chars(e, _(", the least there is"));
    else if (chunk == asked && chunk != a->size + word_size)
        encode_chars(e, _(", rounded up"));
}

/* "the 5 bytes", of the block that free takes back. */
static void put_kept(struct encoder *e, const struct model *m, const struct pmt_alloc *a)
{
    const struct allocation *block = allocations_find(&m->image->allocations, a->addr);
    encode_chars(e, _("the "));
    if (block)
        put_size(e, block->size);
    else
        encode_chars(e, _("place"));
}

/* What stands in braces, of a call of the allocator. */
static bool put_of_call(struct encoder *e, const struct model *m, const struct pmt_alloc *a,
                        const char *name, size_t length)
{
    if (is(name, length, "call"))
        encode_chars(e, names_call(a->r.call));
    else if (is(name, length, "chunk"))
        put_size(e, glibc_chunk_size(a->chunk));
    else if (is(name, length, "made"))
        put_making(e, a, m->image->word_size);
    else if (is(name, length, "asked"))
        put_size(e, a->size);
    else if (is(name, length, "kept"))
        put_kept(e, m, a);
    else
        return false;
    return true;
}

/* What a reason is of: a change, or a call with its model. */
struct subject {
    const struct reason *reason;
    const struct change *change;
    const struct model *model;
    const struct pmt_alloc *call;
};

static void put_sentence(struct encoder *e, const char *text, const struct subject *s)
{
    while (*text) {
        size_t length = strcspn(text, "{");
        encode_raw(e, text, length);
        text += length;
        if (!*text)
            return;
        length = strcspn(++text, "}");
        bool done = s->change ? put_of_change(e, s->change, text, length)
                              : put_of_call(e, s->model, s->call, text, length);
        if (!done)
            put_argument(e, s->reason, text, length);
        text += length + 1;
    }
}

void why_text(const struct change *ch, char *out, size_t size)
{
    const struct sentence *s = &sentences[ch->reason.code];
    bool whole = ch->type == CHANGE_ADDED || ch->type == CHANGE_REMOVED;
    struct encoder e;
    encode_start(&e, out, size - 1);
    put_sentence(&e, _(!whole && s->part ? s->part : s->text),
                 &(struct subject){.reason = &ch->reason, .change = ch});
    *e.at = '\0';
}

void why_call_text(const struct model *m, const struct pmt_alloc *call, char *out, size_t size)
{
    struct encoder e;
    encode_start(&e, out, size - 1);
    put_sentence(&e, _(sentences[m->reason.code].text),
                 &(struct subject){.reason = &m->reason, .model = m, .call = call});
    *e.at = '\0';
}
