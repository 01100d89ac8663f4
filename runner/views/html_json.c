#include "runner/views/html_json.h"
#include "runner/base/memory.h"
#include "schemas/encode.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_ESCAPE 6u /* of a byte */

bool html_part_open(struct html_part *part)
{
    part->out = open_memstream(&part->text, &part->size);
    return part->out != NULL;
}

/* open_memstream(3): what lies behind the place that is written to does not count. */
void html_part_restart(struct html_part *part)
{
    rewind(part->out);
    part->items = 0;
}

void html_part_free(struct html_part *part)
{
    if (part->out)
        fclose(part->out);
    free(part->text);
    *part = (struct html_part){0};
}

void html_part_next(struct html_part *part)
{
    if (part->items++)
        fputc(',', part->out);
}

void html_bytes(FILE *out, const char *bytes, size_t size)
{
    size_t room = LONGEST_ESCAPE * size + 2;
    char *buffer = memory_get(room);
    struct encoder e;
    encode_start(&e, buffer, room);
    encode_string(&e, bytes, size);
    fwrite(buffer, 1, (size_t)(e.at - buffer), out);
    memory_put(buffer);
}

void html_text(FILE *out, const char *text)
{
    html_bytes(out, text, strlen(text));
}

void html_key_text(FILE *out, const char *key, const char *text)
{
    fputs(key, out);
    html_text(out, text);
}

void html_region(FILE *out, const struct region *r)
{
    char perms[4];
    if (!r) {
        fputs("null", out);
        return;
    }
    names_perms(perms, r->raw.perms);
    fprintf(out, "[%" PRIu64 ",%" PRIu64 ",\"%.4s\",%" PRIu64 ",\"%02x:%02x\",%" PRIu64 ",",
            r->raw.start, r->raw.end, perms, r->raw.offset, r->raw.dev_major, r->raw.dev_minor,
            r->raw.inode);
    html_text(out, r->path);
    fprintf(out, ",\"%s\",%d,%" PRIu32 "]", kind_name(r->kind), r->tracer, r->tid);
}

void html_regions(FILE *out, const struct region_list *list)
{
    fputc('[', out);
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            fputc(',', out);
        html_region(out, list->items[i]);
    }
    fputc(']', out);
}
