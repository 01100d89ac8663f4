#include "runner/base/shell_word.h"
#include "runner/base/text.h"

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_@%+=:,./-";
    return *word && !word[strspn(word, plain)];
}

static bool is_printable(const char *word)
{
    size_t left = strlen(word), length;
    while (left && (length = text_printable(word, left))) {
        word += length;
        left -= length;
    }
    return !left;
}

/* What is said of a part of the word. */
struct writer {
    char *out;
    size_t size, used;
};

static void put(struct writer *w, const char *bytes, size_t length)
{
    if (w->used + length >= w->size)
        w->size = w->used; /* nothing behind it either */
    else
        memcpy(w->out + w->used, bytes, length);
    w->used += w->size > w->used ? length : 0;
}

static void put_quoted(struct writer *w, const char *word)
{
    put(w, "'", 1);
    for (; *word; word++)
        put(w, *word == '\'' ? "'\\''" : word, *word == '\'' ? 4 : 1);
    put(w, "'", 1);
}

static void put_escaped(struct writer *w, const char *word)
{
    char code[8];
    put(w, "$'", 2);
    for (size_t left = strlen(word), length; left; left -= length, word += length) {
        length = text_printable(word, left);
        if (*word == '\'' || *word == '\\')
            put(w, "\\", 1);
        if (length) {
            put(w, word, length);
            continue;
        }
        put(w, code, (size_t)snprintf(code, sizeof code, "\\x%02x", (unsigned char)*word));
        length = 1;
    }
    put(w, "'", 1);
}

size_t shell_word(char *out, size_t size, const char *word)
{
    struct writer w = {out, size, 0};
    if (is_plain(word))
        put(&w, word, strlen(word));
    else if (is_printable(word))
        put_quoted(&w, word);
    else
        put_escaped(&w, word);
    out[w.used] = '\0';
    return w.used;
}
