#include "runner/replay/build_resident.h"
#include "runner/replay/draft.h"
#include "runner/replay/field.h"
#include "schemas/names.h"

void build_resident(struct replay *p, const json_t *event)
{
    struct pmt_resident *out = draft_start(p, PMT_RECORD_RESIDENT, sizeof *out);
    const size_t most = PMT_RECORD_MAX / sizeof(struct pmt_resident_region);
    const json_t *regions = field_array(p, event, "regions", most), *region;
    size_t i;
    field_chars(p, event, "when");
    out->r.call = field_find_name(p, event, "when", names_moment, PMT_MOMENT_COUNT);
    out->regions = (uint32_t)json_array_size(regions);
    struct pmt_resident_region *to = draft_append(p, NULL, out->regions * sizeof *to);
    if (!to)
        return;
    json_array_foreach(regions, i, region)
    {
        p->list = "regions";
        p->index = i;
        to[i].start = field_address(p, region, "start");
        to[i].end = field_address(p, region, "end");
        to[i].resident = field_unsigned(p, region, "resident", UINT64_MAX);
        to[i].swapped = field_find_unsigned(p, region, "swapped", UINT64_MAX);
    }
    p->list = NULL;
    const json_t *at = json_object_get(event, "at");
    if (at)
        out->label_size = (uint32_t)draft_string(p, at, "at", PMT_LABEL_MAX);
}
