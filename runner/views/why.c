#include "runner/views/why.h"
#include "runner/base/text.h"
#include "runner/views/sentences.h"
#include "schemas/encode.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdio.h>

static void put_size(struct encoder *e, uint64_t bytes)
{
    char size[TEXT_SIZE];
    if (bytes % 1024 == 0)
        return encode_chars(e, text_exact_size(size, bytes));
    encode_unsigned(e, bytes);
    encode_literal(e, " bytes");
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
    char address[24];
    if (type == REASON_BYTES)
        return put_size(e, value);
    if (type == REASON_COUNT_OF)
        return encode_unsigned(e, value);
    snprintf(address, sizeof address, "0x%" PRIx64, value);
    encode_chars(e, address);
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

/* `change`: what the reason is of, or NULL. */
static void put_sentence(struct encoder *e, const char *text, const struct reason *reason,
                         const struct change *change)
{
    while (*text) {
        size_t length = strcspn(text, "{");
        encode_raw(e, text, length);
        text += length;
        if (!*text)
            return;
        length = strcspn(++text, "}");
        if (!change || !put_of_change(e, change, text, length))
            put_argument(e, reason, text, length);
        text += length + 1;
    }
}

void why_text(const struct change *ch, char *out, size_t size)
{
    const struct sentence *s = &sentences[ch->reason.code];
    bool whole = ch->type == CHANGE_ADDED || ch->type == CHANGE_REMOVED;
    struct encoder e;
    encode_start(&e, out, size - 1);
    put_sentence(&e, !whole && s->part ? s->part : s->text, &ch->reason, ch);
    *e.at = '\0';
}

void why_call_text(const struct reason *reason, char *out, size_t size)
{
    struct encoder e;
    encode_start(&e, out, size - 1);
    put_sentence(&e, sentences[reason->code].text, reason, NULL);
    *e.at = '\0';
}
