#include "runner/replay/build_map.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"
#include "schemas/mapcalls.h"
#include "schemas/names.h"
#include <string.h>

/* The `within` of an event; its name is appended. `within` lies in the record. */
static void build_within(struct replay *p, const json_t *event, struct pmt_within *within)
{
    const json_t *object = json_object_get(event, "within");
    if (!object)
        return;
    if (!json_is_object(object))
        return failure_field(p, "within", "an object");
    within->call = field_name(p, object, "call", names_call, PMT_CALL_COUNT);
    within->size = field_find_unsigned(p, object, "size", UINT64_MAX);
    const json_t *name = json_object_get(object, "name");
    if (name)
        within->name_size = (uint8_t)draft_string(p, name, "name", UINT8_MAX);
    draft_pad(p);
}

void build_kernel(struct replay *p, const json_t *event)
{
    struct pmt_kernel *k = draft_start(p, PMT_RECORD_KERNEL, sizeof *k);
    k->r.call = field_name(p, event, "call", names_call, PMT_CALL_COUNT);
    field_addresses(p, event, "args", mapcalls_argument_count(k->r.call), k->args);
    if (k->r.call == PMT_CALL_BRK)
        k->old_brk = field_address(p, event, "old_brk");
    int error = field_find_errno(p, event);
    k->result = error ? -error : (int64_t)field_address(p, event, "result");
    build_within(p, event, &k->within);
}

static unsigned get_perms(struct replay *p, const json_t *object)
{
    const char *text = field_chars(p, object, "perms");
    for (unsigned perms = 0; perms < 2 * PMT_PERM_SHARED; perms++) {
        char each[5] = "";
        names_perms(each, perms);
        if (strcmp(text, each) == 0)
            return perms;
    }
    failure_field(p, "perms", "permissions like \"rw-p\"");
    return 0;
}

static void build_region(struct replay *p, const json_t *object)
{
    struct pmt_region *g = draft_append(p, NULL, sizeof *g);
    if (!g)
        return;
    g->start = field_address(p, object, "start");
    g->end = field_address(p, object, "end");
    if (field_unsigned(p, object, "size", UINT64_MAX) != g->end - g->start)
        failure_field(p, "size", "end - start");
    g->offset = field_unsigned(p, object, "offset", UINT64_MAX);
    g->inode = field_unsigned(p, object, "inode", UINT64_MAX);
    g->dev_major = (uint32_t)field_unsigned(p, object, "dev_major", UINT32_MAX);
    g->dev_minor = (uint32_t)field_unsigned(p, object, "dev_minor", UINT32_MAX);
    g->perms = (uint8_t)get_perms(p, object);
    g->path_size = (uint16_t)draft_string(p, json_object_get(object, "path"), "path", PMT_PATH_MAX);
    draft_pad(p);
}

void build_snapshot(struct replay *p, const json_t *event)
{
    struct pmt_snapshot *s = draft_start(p, PMT_RECORD_SNAPSHOT, sizeof *s);
    s->r.call = field_name(p, event, "reason", names_reason, PMT_REASON_COUNT);
    s->lo = field_address(p, event, "lo");
    s->hi = field_address(p, event, "hi");
    s->flags |= field_bool(p, event, "whole") ? PMT_SNAPSHOT_WHOLE : 0;
    s->flags |= field_bool(p, event, "last") ? PMT_SNAPSHOT_LAST : 0;
    build_within(p, event, &s->within);
    const json_t *regions =
        field_array(p, event, "regions", PMT_RECORD_MAX / sizeof(struct pmt_region));
    p->list = "regions";
    for (p->index = 0; p->index < json_array_size(regions); p->index++)
        build_region(p, json_array_get(regions, p->index));
    p->list = NULL;
    s->regions = (uint32_t)json_array_size(regions);
}
