#include "runner/symbols/demangle.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include <ctype.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

#define LONGEST 4096u      /* of a demangled name */
#define LONG_ARGUMENTS 24u /* of a template, for a person */
static const char LEFT_OUT[] = "<...>";

/* ---- demangling ---- */

struct collector {
    jmp_buf too_long;
    size_t used;
    char text[LONGEST];
};

/* The demangler holds no memory of its own while it calls: it may be left from here. */
static void collect(const char *piece, size_t size, void *arg)
{
    struct collector *c = arg;
    if (size >= LONGEST - c->used)
        longjmp(c->too_long, 1);
    memcpy(c->text + c->used, piece, size);
    c->used += size;
}

/* Not inlined: the variables of the function that calls this are not touched by longjmp. */
__attribute__((noinline)) static bool run_demangler(struct collector *c, const char *name)
{
    c->used = 0;
    if (setjmp(c->too_long))
        return false;
    return cplus_demangle_v3_callback(name, DMGL_PARAMS | DMGL_ANSI, collect, c) && c->used;
}

static const char *demangled_text(struct demangled *done, const char *name)
{
    struct collector c;
    if (!run_demangler(&c, name))
        return name;
    c.text[c.used] = '\0';
    return names_intern(&done->results, c.text);
}

/* ---- what is done already ---- */

struct demangled_name {
    const char *from, *to;
};

/* By the string's address: the linker has merged equal ones, and a repetition does no harm. */
static bool is_from(const void *entry, const void *name, size_t size)
{
    return memcmp(&((const struct demangled_name *)entry)->from, name, size) == 0;
}

const char *demangle(struct demangled *done, const char *name)
{
    if (!text_starts(name, "_Z"))
        return name;
    void **at = table_place(&done->known, &name, sizeof name, is_from);
    struct demangled_name *found = *at;
    if (!found) {
        *at = found = memory_get(sizeof *found);
        *found = (struct demangled_name){name, demangled_text(done, name)};
    }
    return found->to;
}

void demangled_free(struct demangled *done)
{
    names_free(&done->results);
    table_free(&done->known, memory_put);
}

/* ---- short names ---- */

/* What follows "operator" is a name, brackets and all: its length, 0 if there is none. */
static size_t operator_length(const char *name, const char *at)
{
    static const char *const symbols[] = {"()", "[]", "<<=", ">>=", "<=>", "->*", "<<",
                                          ">>", "<=", ">=",  "->",  "<",   ">"};
    const size_t word = strlen("operator");
    if (strncmp(at, "operator", word) != 0 || (at > name && (isalnum(at[-1]) || at[-1] == '_')))
        return 0;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
        if (text_starts(at + word, symbols[i]))
            return word + strlen(symbols[i]);
    if (at[word] != ' ')
        return 0;
    return word + 1 + strcspn(at + word + 1, "("); /* operator new[], operator int */
}

/* The bracket that closes the one at `open`, or the string's end. */
static const char *closing(const char *open)
{
    const char *at = open;
    int depth = 0;
    for (; *at; at++) {
        size_t skip = operator_length(open, at);
        if (skip)
            at += skip - 1;
        else if (strchr("(<{[", *at))
            depth++;
        else if (strchr(")>}]", *at) && at[-1] != '-' && --depth == 0)
            return at;
    }
    return at - 1;
}

/* Whether the bracket at `at` is a part of the name. */
static bool is_named(const char *at)
{
    if (*at == '{' || *at == '[' || text_starts(at, "(anonymous namespace)"))
        return true;
    /* a function that a local class lies in */
    return *at == '(' && text_starts(closing(at), ")::");
}

struct shortened {
    char *out;
    size_t size, used;
};

static void append(struct shortened *s, const char *from, const char *to)
{
    for (; from < to && s->used + 1 < s->size; from++)
        s->out[s->used++] = *from;
}

static const char *append_bracket(struct shortened *s, const char *at)
{
    const char *end = closing(at) + 1;
    if (*at == '<' && (size_t)(end - at) > LONG_ARGUMENTS)
        append(s, LEFT_OUT, LEFT_OUT + strlen(LEFT_OUT));
    else if (*at != '(' || text_starts(at, "(anonymous namespace)"))
        append(s, at, end);
    return end;
}

void demangle_short(const char *name, char *out, size_t size)
{
    struct shortened s = {out, size, 0};
    const char *at = name;
    while (*at && (*at != '(' || is_named(at))) {
        size_t skip = operator_length(name, at);
        if (skip) {
            append(&s, at, at + skip);
            at += skip;
        } else if (strchr("(<{", *at)) {
            at = append_bracket(&s, at);
        } else if (*at == ' ') { /* behind the type of the result, or in "operator<< <int>" */
            at++;
            s.used = *at == '<' ? s.used : 0;
        } else {
            append(&s, at, at + 1);
            at++;
        }
    }
    if (!s.used)
        append(&s, name, name + strlen(name));
    s.out[s.used] = '\0';
}
