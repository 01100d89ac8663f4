#include "runner/views/compare_words.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include <inttypes.h>
#include <string.h>

#define SENTENCE 700u

/* Of each side against the first. */
struct pair {
    struct lines *lines;
    const struct compare_side *a, *b;
    char name_a, name_b;
    unsigned said;
};

static void say(struct pair *p, const char *text)
{
    line_indent(p->lines);
    line_wrap(p->lines, text, STYLE_PLAIN);
    p->said++;
}

static const struct total *kind(const struct compare_side *s, enum kind kind)
{
    return &s->at_end.kinds[kind];
}

static void say_program(struct pair *p)
{
    char text[SENTENCE], a[TEXT_SIZE], b[TEXT_SIZE];
    if (p->a->bits != p->b->bits) {
        snprintf(text, sizeof text,
                 _("%c is a %u-bit program, %c a %u-bit one: addresses and pointers have %u and %u "
                   "bytes."),
                 p->name_a, p->a->bits, p->name_b, p->b->bits, p->a->bits / 8, p->b->bits / 8);
        say(p, text);
    }
    if (p->a->is_static == p->b->is_static)
        return;
    bool a_is = p->a->is_static;
    const struct compare_side *is = a_is ? p->a : p->b, *other = a_is ? p->b : p->a;
    snprintf(
        text, sizeof text,
        _("%c is statically linked: it has no regions of libraries, what it needs of them is in "
          "its own code (%s). %c has %s of code of its own, and %" PRIu64
          " regions of libraries and of the dynamic loader."),
        a_is ? p->name_a : p->name_b, text_size(a, kind(is, KIND_CODE)->bytes),
        a_is ? p->name_b : p->name_a, text_size(b, kind(other, KIND_CODE)->bytes),
        kind(other, KIND_LIB_CODE)->regions + kind(other, KIND_LIB_RODATA)->regions +
            kind(other, KIND_LIB_DATA)->regions + kind(other, KIND_LIB_BSS)->regions);
    say(p, text);
}

static void say_stack(struct pair *p)
{
    char text[SENTENCE], size[TEXT_SIZE];
    uint64_t a = kind(p->a, KIND_STACK)->bytes, b = kind(p->b, KIND_STACK)->bytes;
    if (a == b)
        return;
    const struct compare_side *larger = a > b ? p->a : p->b;
    int used = snprintf(text, sizeof text, _("the stack of %c is %s larger"),
                        a > b ? p->name_a : p->name_b, text_size(size, a > b ? a - b : b - a));
    if (larger->stack_use[0])
        snprintf(text + used, sizeof text - (size_t)used, ": %s", larger->stack_use);
    say(p, text);
}

static const char *where(const struct compare_side *s)
{
    static const char *const places[] = {
        [COMPARE_NOWHERE] = N_("where is not known"),
        [COMPARE_HEAP] = N_("in the heap"),
        [COMPARE_MMAP] = N_("in pages of its own"),
        [COMPARE_ARENA] = N_("in an arena"),
    };
    return _(places[s->largest_place]);
}

/* Where the largest block of each lies, if they are not alike. */
static bool say_blocks(struct lines *l, const struct compare_column *columns, unsigned count)
{
    char text[SENTENCE], threshold[TEXT_SIZE];
    bool differ = false;
    int used = snprintf(text, sizeof text, _("the largest block:"));
    for (unsigned i = 0; i < count; i++) {
        const struct compare_side *s = columns[i].side, *first = columns[0].side;
        if (!s->largest || s->blind)
            return false;
        differ = differ || s->largest != first->largest || s->largest_place != first->largest_place;
        used +=
            snprintf(text + used, sizeof text - (size_t)used, _("%s %c has %" PRIu64 " bytes %s"),
                     i ? "," : "", 'A' + (int)i, s->largest, where(s));
    }
    uint64_t first = columns[0].side->first_threshold;
    if (first)
        snprintf(text + used, sizeof text - (size_t)used,
                 _("; the mmap threshold is %s at the start"), text_size(threshold, first));
    if (!differ)
        return false;
    line_indent(l);
    line_wrap(l, text, STYLE_PLAIN);
    return true;
}

static void say_heap(struct pair *p)
{
    char text[SENTENCE], a[TEXT_SIZE], b[TEXT_SIZE];
    const struct total *x = kind(p->a, KIND_HEAP), *y = kind(p->b, KIND_HEAP);
    if (x->bytes == y->bytes)
        return;
    if (!x->regions || !y->regions)
        snprintf(text, sizeof text, _("only %c has a heap at the end: %s."),
                 x->regions ? p->name_a : p->name_b, text_size(a, x->bytes + y->bytes));
    else
        snprintf(text, sizeof text, _("the heap of %c has %s at the end, that of %c %s."),
                 p->name_a, text_size(a, x->bytes), p->name_b, text_size(b, y->bytes));
    say(p, text);
}

static void say_kinds(struct pair *p)
{
    char text[SENTENCE];
    bool linking = p->a->is_static != p->b->is_static; /* says that already */
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        const struct total *x = kind(p->a, (enum kind)k), *y = kind(p->b, (enum kind)k);
        bool library = k >= KIND_LIB_CODE && k <= KIND_LIB_BSS;
        if (!x->regions == !y->regions || k == KIND_HEAP || k == KIND_TRACER ||
            (library && linking))
            continue;
        snprintf(text, sizeof text, _("only %c has regions of this kind at the end: %s."),
                 x->regions ? p->name_a : p->name_b, kind_name((enum kind)k));
        say(p, text);
    }
}

static bool is_same(const struct compare_side *a, const struct compare_side *b)
{
    bool same = strcmp(a->end, b->end) == 0 && a->blind == b->blind &&
                a->ledger.changes == b->ledger.changes &&
                a->ledger.allocations == b->ledger.allocations &&
                a->ledger.frees == b->ledger.frees && a->ledger.bytes == b->ledger.bytes;
    for (unsigned k = 0; k < KIND_COUNT; k++)
        same = same && (k == KIND_TRACER ||
                        (kind(a, (enum kind)k)->bytes == kind(b, (enum kind)k)->bytes &&
                         kind(a, (enum kind)k)->regions == kind(b, (enum kind)k)->regions));
    return same;
}

static void say_end(struct pair *p)
{
    char text[SENTENCE];
    if (strcmp(p->a->end, p->b->end) == 0)
        return;
    snprintf(text, sizeof text, _("the end of %c: %s, that of %c: %s."), p->name_a,
             p->a->ended ? p->a->end : _("not in the trace"), p->name_b,
             p->b->ended ? p->b->end : _("not in the trace"));
    say(p, text);
}

static void say_rest(struct pair *p)
{
    char text[SENTENCE];
    if (is_same(p->a, p->b)) {
        snprintf(text, sizeof text,
                 _("%c and %c do not differ: the same end, the same map by kinds then, as many "
                   "changes, %s."),
                 p->name_a, p->name_b,
                 p->a->blind ? _("and malloc could not be seen in either")
                             : _("as many calls of malloc for as many bytes"));
        say(p, text);
    } else if (!p->said) {
        snprintf(text, sizeof text, _("%c and %c differ in what the table shows."), p->name_a,
                 p->name_b);
        say(p, text);
    }
}

void compare_words(struct lines *l, const struct compare_column *columns, unsigned count)
{
    bool blocks = say_blocks(l, columns, count);
    for (unsigned i = 1; i < count; i++) {
        struct pair p = {.lines = l,
                         .said = blocks,
                         .a = columns[0].side,
                         .b = columns[i].side,
                         .name_a = 'A',
                         .name_b = (char)('A' + i)};
        say_program(&p);
        say_end(&p);
        say_stack(&p);
        say_heap(&p);
        say_kinds(&p);
        say_rest(&p);
    }
}
