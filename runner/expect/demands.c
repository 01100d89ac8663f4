#include "runner/expect/demands.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "schemas/names.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MOST_DEMANDS 1000u

/* What is left of a demand while it is read. */
struct reader {
    const char *at;
    const char *wrong; /* what was expected instead; NULL: nothing is wrong so far */
};

static const char *const placements[] = {"none", "heap", "mmap", "arena", "mixed"};

static void skip_blanks(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

static bool take(struct reader *r, const char *text)
{
    skip_blanks(r);
    if (!text_starts(r->at, text))
        return false;
    r->at += strlen(text);
    return true;
}

static size_t word_length(const char *at)
{
    size_t length = 0;
    while (isalnum((unsigned char)at[length]) || at[length] == '_')
        length++;
    return length;
}

/* The whole next word. */
static bool take_word(struct reader *r, const char *word)
{
    skip_blanks(r);
    size_t length = word_length(r->at);
    if (length != strlen(word) || strncmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

static void expect(struct reader *r, bool found, const char *what)
{
    if (!found && !r->wrong)
        r->wrong = what;
}

static uint64_t read_number(struct reader *r)
{
    skip_blanks(r);
    char *end;
    errno = 0;
    bool digit = isdigit((unsigned char)*r->at);
    uint64_t number = strtoull(r->at, &end, 0);
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    expect(r, digit && !errno && number <= UINT64_MAX >> shift, "a number, as 4096 or 4K");
    if (r->wrong)
        return 0;
    r->at = end + (shift != 0);
    expect(r, !word_length(r->at), _("the end of the number, or K, M, G"));
    return number << shift;
}

/* ---- nouns ---- */

static bool read_kind(struct reader *r, struct demand *d)
{
    for (unsigned kind = 0; kind <= KIND_COUNT; kind++)
        if (take_word(r, kind < KIND_COUNT ? kind_name((enum kind)kind) : "map")) {
            d->kind = (enum kind)kind;
            return true;
        }
    return false;
}

static void read_of_kind(struct reader *r, struct demand *d)
{
    expect(r, take(r, "."), _("one of .size, .regions, .most"));
    d->noun = take_word(r, "regions") ? NOUN_REGIONS : take_word(r, "most") ? NOUN_MOST : NOUN_SIZE;
    if (d->noun == NOUN_SIZE)
        expect(r, take_word(r, "size"), _("one of .size, .regions, .most"));
}

static void read_malloc(struct reader *r, struct demand *d)
{
    expect(r, take(r, "("), _("( and a number of bytes"));
    d->size = r->wrong ? 0 : read_number(r);
    expect(r, take(r, ")"), ")");
    expect(r, take(r, "."), _("one of .placement, .count"));
    d->noun = take_word(r, "count") ? NOUN_COUNT : NOUN_PLACEMENT;
    if (d->noun == NOUN_PLACEMENT)
        expect(r, take_word(r, "placement"), _("one of .placement, .count"));
}

static void read_changes(struct reader *r, struct demand *d)
{
    d->noun = NOUN_CHANGES;
    if (!take(r, "("))
        return;
    skip_blanks(r);
    for (unsigned call = 1; call < PMT_CALL_COUNT && !d->call; call++)
        if (take_word(r, names_call(call)))
            d->call = call;
    expect(r, d->call, _("the name of a call, as malloc or mmap"));
    expect(r, take(r, ")"), ")");
}

static void read_noun(struct reader *r, struct demand *d)
{
    static const struct {
        const char *word, *part;
        enum noun noun;
    } simple[] = {
        {"exit", "status", NOUN_STATUS},
        {"exit", "signal", NOUN_SIGNAL},
        {"unexplained", NULL, NOUN_UNEXPLAINED},
        {"allocations", NULL, NOUN_ALLOCATIONS},
        {"frees", NULL, NOUN_FREES},
        {"unfreed", "blocks", NOUN_UNFREED},
        {"unfreed", "bytes", NOUN_UNFREED_BYTES},
        {"threshold", NULL, NOUN_THRESHOLD},
    };
    if (take_word(r, "malloc"))
        return read_malloc(r, d);
    if (take_word(r, "changes"))
        return read_changes(r, d);
    if (read_kind(r, d))
        return read_of_kind(r, d);
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++) {
        struct reader ahead = *r;
        if (!take_word(&ahead, simple[i].word) ||
            (simple[i].part && !(take(&ahead, ".") && take_word(&ahead, simple[i].part))))
            continue;
        *r = ahead;
        d->noun = simple[i].noun;
        return;
    }
    expect(r, false,
           _("a noun: malloc(BYTES).placement, malloc(BYTES).count, changes, changes(CALL), "
             "KIND.size, KIND.regions, KIND.most (also map.), allocations, frees, unfreed.blocks, "
             "unfreed.bytes, threshold, unexplained, exit.status, exit.signal"));
}

static void read_comparison(struct reader *r, struct demand *d)
{
    static const struct {
        const char *text;
        enum comparison comparison;
    } all[] = {{"==", IS_EQUAL},      {"!=", IS_NOT}, {"<=", IS_LESS_EQUAL},
               {">=", IS_MORE_EQUAL}, {"<", IS_LESS}, {">", IS_MORE}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (take(r, all[i].text)) {
            d->comparison = all[i].comparison;
            return;
        }
    expect(r, false, _("one of == != < <= > >="));
}

static void read_value(struct reader *r, struct demand *d)
{
    if (d->noun != NOUN_PLACEMENT) {
        d->value = read_number(r);
        return;
    }
    expect(r, d->comparison <= IS_NOT, _("== or != for a placement"));
    for (unsigned i = PLACEMENT_HEAP; i <= PLACEMENT_ARENA && !d->value; i++)
        if (take_word(r, placements[i]))
            d->value = i;
    expect(r, d->value, _("one of heap, mmap, arena"));
}

/* ---- demands ---- */

/* `line`: terminated, changed. */
static bool add_line(struct demands *d, char *line, const char *source, unsigned number, char *why,
                     size_t size)
{
    line[strcspn(line, "#\r\n")] = '\0';
    struct reader r = {.at = line};
    skip_blanks(&r);
    if (!*r.at)
        return true;
    struct demand new = {.source = source, .line = number, .kind = KIND_COUNT};
    const char *first = r.at;
    read_noun(&r, &new);
    if (!r.wrong)
        read_comparison(&r, &new);
    if (!r.wrong)
        read_value(&r, &new);
    skip_blanks(&r);
    expect(&r, !*r.at, _("the end of the demand"));
    if (r.wrong || d->count == MOST_DEMANDS) {
        snprintf(why, size, "%s%s%u:%d: %s %s", source ? source : "", source ? ":" : "", number,
                 (int)(r.at - line) + 1,
                 r.wrong ? _("expected") : _("there are more than 1000 demands"),
                 r.wrong ? r.wrong : "");
        return false;
    }
    size_t length = strlen(first);
    while (length && (first[length - 1] == ' ' || first[length - 1] == '\t'))
        length--;
    new.text = memory_get(length + 1);
    memcpy(new.text, first, length);
    *array_add(d->items, d->count, d->room) = new;
    return true;
}

static bool add_file(struct demands *d, FILE *file, const char *name, char *why, size_t size)
{
    char line[1000];
    bool good = true;
    for (unsigned number = 1; good && fgets(line, sizeof line, file); number++)
        good = add_line(d, line, name, number, why, size);
    return good;
}

bool demands_add(struct demands *d, const char *text, char *why, size_t size)
{
    char line[1000];
    struct stat st;
    FILE *file = stat(text, &st) == 0 && S_ISREG(st.st_mode) ? fopen(text, "re") : NULL;
    if (file) {
        bool good = add_file(d, file, text, why, size);
        fclose(file);
        return good;
    }
    if (!strpbrk(text, "=<>")) {
        snprintf(why, size, _("%s: no such file, and no demand as 'heap.size <= 136K'"), text);
        return false;
    }
    snprintf(line, sizeof line, "%s", text);
    return add_line(d, line, NULL, 1, why, size);
}

void demands_free(struct demands *d)
{
    for (size_t i = 0; i < d->count; i++)
        memory_put(d->items[i].text);
    memory_put(d->items);
    *d = (struct demands){0};
}

bool demand_holds(const struct demand *d, uint64_t was)
{
    switch (d->comparison) {
    case IS_EQUAL:
        return was == d->value;
    case IS_NOT:
        return was != d->value;
    case IS_LESS:
        return was < d->value;
    case IS_LESS_EQUAL:
        return was <= d->value;
    case IS_MORE:
        return was > d->value;
    default:
        return was >= d->value;
    }
}

void demand_value(const struct demand *d, uint64_t value, char *out, size_t size)
{
    if (d->noun == NOUN_PLACEMENT)
        snprintf(out, size, "%s", placements[value <= PLACEMENT_MIXED ? value : PLACEMENT_NONE]);
    else if (value && value % 1024 == 0)
        snprintf(out, size, "%lluK", (unsigned long long)value / 1024);
    else
        snprintf(out, size, "%llu", (unsigned long long)value);
}
