#include "runner/views/export_folded.h"
#include "runner/base/memory.h"
#include "runner/views/export_frames.h"
#include <inttypes.h>

/* A semicolon divides frames; a line is one stack. */
static void put_name(FILE *out, const char *name)
{
    for (; *name; name++)
        fputc(*name == ';' ? ':' : (unsigned char)*name < ' ' ? '?' : *name, out);
}

static uint64_t weight_of(const struct export_sum *sum, enum export_weight weight)
{
    return weight == EXPORT_LIVE ? sum->live : weight == EXPORT_PEAK ? sum->peak : sum->growth;
}

void export_folded(FILE *out, const struct model *m, const struct export_sums *sums,
                   enum export_weight weight)
{
    struct export_frames *frames = memory_get(sizeof *frames);
    for (uint32_t id = 0; id < sums->room; id++) {
        uint64_t bytes = weight_of(&sums->items[id], weight);
        if (!bytes)
            continue;
        export_frames_of(m, id, frames);
        for (unsigned i = frames->count; i > 0; i--) {
            put_name(out, frames->items[i - 1].function);
            fputs(i > 1 ? ";" : "", out);
        }
        fprintf(out, "%s %" PRIu64 "\n", frames->count ? "" : "(unknown)", bytes);
    }
    memory_put(frames);
}
