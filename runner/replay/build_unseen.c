#include "runner/replay/build_unseen.h"
#include "runner/replay/draft.h"
#include "runner/replay/field.h"
#include "schemas/names.h"
#include "schemas/unseen.h"

void build_unseen(struct replay *p, const json_t *event)
{
    struct pmt_unseen *u = draft_start(p, PMT_RECORD_UNSEEN, sizeof *u);
    const json_t *sites = field_array(p, event, "sites", PMT_UNSEEN_SITES), *site;
    size_t i;
    u->count = (uint32_t)field_unsigned(p, event, "count", UINT32_MAX);
    u->sites = (uint32_t)json_array_size(sites);
    struct pmt_unseen_site *out = draft_append(p, NULL, u->sites * sizeof *out);
    const json_t *path = json_object_get(event, "path");
    u->path_size = (uint32_t)draft_string(p, path, "path", PMT_PATH_MAX);
    json_array_foreach(sites, i, site)
    {
        const json_t *function = json_object_get(site, "function");
        p->list = "sites";
        p->index = i;
        out[i].offset = field_unsigned(p, site, "offset", UINT64_MAX);
        out[i].call = field_name(p, site, "call", names_call, PMT_CALL_COUNT);
        if (function)
            out[i].function_size =
                (uint32_t)draft_string(p, function, "function", PMT_UNSEEN_NAME_MAX);
    }
    p->list = NULL;
}
