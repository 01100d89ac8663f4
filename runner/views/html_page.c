#include "runner/views/html_page.h"
#include <string.h>

/* html_bytes.c */
extern const char html_page_start[], html_page_end[];

#define HOLE "@@" /* "@@DATA@@" */
#define BLOCK_SIZE 65536u

struct block {
    struct output *out;
    size_t used;
    char bytes[BLOCK_SIZE];
};

static void flush(struct block *b)
{
    output_write(b->out, b->bytes, b->used);
    b->used = 0;
}

static void put(struct block *b, const char *bytes, size_t size)
{
    if (size > BLOCK_SIZE - b->used)
        flush(b);
    if (size > BLOCK_SIZE)
        return output_write(b->out, bytes, size);
    memcpy(b->bytes + b->used, bytes, size);
    b->used += size;
}

/* With another text for each byte that means something to the reader of HTML. */
static void put_instead(struct block *b, const char *bytes, size_t size, const char *less,
                        const char *and)
{
    for (size_t i = 0; i < size; i++) {
        const char *instead = bytes[i] == '<' ? less : bytes[i] == '&' ? and : NULL;
        if (instead)
            put(b, instead, strlen(instead));
        else
            put(b, bytes + i, 1);
    }
}

/* JSON has '<' in strings only, where it can be written otherwise: so neither "</script" nor "<!--"
 * is ever there. */
static void put_data(struct block *b, const char *data, size_t size)
{
    put_instead(b, data, size, "\\u003c", "&");
}

static const char *find(const char *at, const char *end, const char *text)
{
    const char *found = memmem(at, (size_t)(end - at), text, strlen(text));
    return found ? found : end;
}

void html_page_write(struct output *out, const char *title, const char *data, size_t data_size,
                     const char *calls, size_t calls_size)
{
    static struct block b;
    const char *at = html_page_start, *end = html_page_end;
    b = (struct block){.out = out};
    while (at < end) {
        const char *hole = find(at, end, HOLE);
        put(&b, at, (size_t)(hole - at));
        if (hole == end)
            break;
        if (strncmp(hole, "@@TITLE@@", 9) == 0)
            put_instead(&b, title, strlen(title), "&lt;", "&amp;");
        else if (strncmp(hole, "@@DATA@@", 8) == 0)
            put_data(&b, data, data_size);
        else
            put(&b, calls, calls_size);
        hole = find(hole + strlen(HOLE), end, HOLE);
        at = hole < end ? hole + strlen(HOLE) : end;
    }
    flush(&b);
}
