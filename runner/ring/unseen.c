#include "runner/ring/unseen.h"
#include "runner/base/text.h"
#include "runner/symbols/symbols.h"
#include "schemas/loader.h"
#include "schemas/mapcalls.h"
#include "schemas/unseen.h"
#include <limits.h>
#include <stdlib.h>

/* The C library and ld.so are seen: the shim has patched them. */
static bool is_seen(const char *path)
{
    const char *name = basename(path);
    return path[0] != '/' || loader_is_glibc(path) || text_starts(name, "libc.so.") ||
           text_starts(name, "libc-2.") || text_starts(name, "libprocmap-trace") ||
           text_starts(name, "memfd:");
}

/* What the call with this number does to the map; NONE: nothing. Whether the others do depends on
 * arguments that nobody knows here. */
static unsigned call_of(const struct site *site)
{
    enum mapcalls_abi abi = site->by_i386 ? MAPCALLS_I386 : MAPCALLS_X86_64;
    for (size_t i = 0; i < MAPCALLS_ROWS; i++) {
        const struct mapcalls_row *row = &mapcalls_table[i];
        if (row->nr[abi] == (int16_t)site->number && !mapcalls_choice(row->call).count)
            return row->call;
    }
    return PMT_CALL_NONE;
}

struct told {
    struct pmt_unseen u;
    struct pmt_unseen_site sites[PMT_UNSEEN_SITES];
    char strings[PATH_MAX + PMT_UNSEEN_SITES * PMT_UNSEEN_NAME_MAX + PMT_RECORD_ALIGN];
};

static void put_site(struct told *told, size_t *used, struct symbols *symbols, const char *path,
                     const struct site *site, unsigned call)
{
    struct pmt_unseen_site *out = &told->sites[told->u.sites++];
    const char *function = symbols_resolve(symbols, path, site->offset, true)->function;
    size_t size = function ? strnlen(function, PMT_UNSEEN_NAME_MAX) : 0;
    *out = (struct pmt_unseen_site){site->offset, call, (uint32_t)size};
    if (size)
        memcpy(told->strings + *used, function, size);
    *used += size;
}

static void tell(struct model *m, const struct event *look, struct told *told, size_t used)
{
    /* what is told of fewer sites moves up */
    size_t sites = told->u.sites * sizeof *told->sites, size = sizeof told->u + sites + used;
    memmove((char *)told->sites + sites, told->strings, used);
    memset((char *)&told->u + size, 0, pmt_align((uint32_t)size) - size);
    told->u.r =
        (struct pmt_record){.units = (uint16_t)(pmt_align((uint32_t)size) / PMT_RECORD_ALIGN),
                            .type = PMT_RECORD_UNSEEN,
                            .tid = look->record->tid};
    struct event event = *look;
    event.record = &told->u.r;
    model_event(m, &event);
}

static void look_through(struct model *m, const struct event *look, const char *path)
{
    static struct sites found;
    struct symbols *symbols = m->images.symbols;
    struct told told = {.u.path_size = (uint32_t)strlen(path)};
    size_t used = told.u.path_size;
    found.count = 0;
    symbols_sites(symbols, path, &found);
    memcpy(told.strings, path, used);
    for (uint32_t i = 0; i < found.count; i++) {
        unsigned call = call_of(&found.items[i]);
        told.u.count += call != PMT_CALL_NONE;
        if (call != PMT_CALL_NONE && told.u.sites < PMT_UNSEEN_SITES)
            put_site(&told, &used, symbols, path, &found.items[i], call);
    }
    if (told.u.count)
        tell(m, look, &told, used);
}

void unseen_look(struct unseen *u, struct model *m, const struct event *look)
{
    char path[PATH_MAX];
    if (!m->view_count) /* nobody wants to know */
        return;
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)look->record;
    const char *at = (const char *)(s + 1) + pmt_align(s->within.name_size);
    for (uint32_t i = 0; i < s->regions; i++) {
        const struct pmt_region *r = (const struct pmt_region *)at;
        at += sizeof *r + pmt_align(r->path_size);
        if (!(r->perms & PMT_PERM_EXEC) || !r->path_size || r->path_size >= sizeof path)
            continue;
        memcpy(path, r + 1, r->path_size);
        path[r->path_size] = '\0';
        size_t before = u->known.texts.count;
        if (is_seen(path) || !names_intern(&u->known, path) || u->known.texts.count == before)
            continue;
        look_through(m, look, path);
    }
}

void unseen_free(struct unseen *u)
{
    names_free(&u->known);
}
