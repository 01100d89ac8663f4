#include "runner/views/json_exit.h"
#include "runner/model/heap_use.h"
#include "runner/views/caller.h"
#include <string.h>

static void signal_name(struct encoder *e, uint32_t signal)
{
    const char *name = sigabbrev_np((int)signal);
    encode_literal(e, ",\"signal\":\"SIG");
    if (name)
        encode_chars(e, name);
    else
        encode_unsigned(e, signal);
    encode_literal(e, "\"");
}

static void ledger(struct encoder *e, const struct ledger *g)
{
    encode_key_unsigned(e, ",\"ledger\":{\"changes\":", g->changes);
    encode_key_unsigned(e, ",\"explained\":", g->explained);
    encode_key_unsigned(e, ",\"unexplained\":", g->unexplained);
    encode_key_unsigned(e, ",\"lost\":", g->lost);
    if (g->unseen)
        encode_key_unsigned(e, ",\"unseen\":", g->unseen);
    if (g->unfollowed)
        encode_key_unsigned(e, ",\"unfollowed\":", g->unfollowed);
}

static void heap(struct encoder *e, const struct model *m)
{
    struct heap_use use;
    char caller[1024];
    if (!heap_use_of(m->image, &use))
        return;
    encode_key_unsigned(e, ",\"heap\":{\"bytes\":", use.bytes);
    encode_key_unsigned(e, ",\"blocks\":", use.blocks);
    encode_key_unsigned(e, ",\"used\":", use.used);
    if (use.last) {
        encode_key_address(e, ",\"last\":{\"addr\":", use.last->addr);
        encode_key_unsigned(e, ",\"size\":", use.last->size);
        encode_key_unsigned(e, ",\"behind\":", use.behind);
        if (caller_text(m, use.last->stack_id, caller, sizeof caller))
            encode_key_chars(e, ",\"caller\":", caller);
        encode_chars(e, heap_use_is_pinned(m->image, &use) ? ",\"pins\":true}" : "}");
    }
    encode_literal(e, "}");
}

static void totals(struct encoder *e, const struct regions *map)
{
    struct totals t = regions_totals(map);
    bool first = true;
    encode_literal(e, ",\"totals\":[");
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        if (!t.kinds[kind].regions)
            continue;
        encode_key_chars(e, first ? "{\"kind\":" : ",{\"kind\":", kind_name(kind));
        encode_key_unsigned(e, ",\"regions\":", t.kinds[kind].regions);
        encode_key_unsigned(e, ",\"bytes\":", t.kinds[kind].bytes);
        encode_literal(e, "}");
        first = false;
    }
    encode_literal(e, "]");
}

void json_exit(struct encoder *e, const struct model *m, const struct pmt_exit *exit)
{
    const struct image *image = m->image;
    if (exit->signal)
        signal_name(e, exit->signal);
    ledger(e, &image->ledger);
    encode_key_unsigned(e, "},\"allocations\":{\"calls\":", image->ledger.allocations);
    encode_key_unsigned(e, ",\"frees\":", image->ledger.frees);
    encode_key_unsigned(e, ",\"live\":", image->allocations.count);
    encode_key_unsigned(e, ",\"live_bytes\":", image->allocations.bytes);
    encode_literal(e, "}");
    heap(e, m);
    totals(e, &image->map);
}
