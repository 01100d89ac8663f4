#include "runner/replay/build_process.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"
#include "runner/replay/word_sizes.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

#define SCHEMA 1

static void build_thresholds(struct replay *p, const json_t *event, struct pmt_process *s)
{
    const json_t *object = json_object_get(event, "thresholds");
    if (json_is_null(object))
        return;
    if (!json_is_object(object))
        return failure_field(p, "thresholds", "an object or null");
    s->mmap_threshold = field_unsigned(p, object, "mmap", UINT64_MAX);
    s->mmap_threshold_max = field_unsigned(p, object, "mmap_max", UINT64_MAX);
    s->trim_threshold = field_unsigned(p, object, "trim", UINT64_MAX);
    s->dynamic_threshold = field_bool(p, object, "dynamic");
}

static void build_process_strings(struct replay *p, const json_t *event, struct pmt_process *s)
{
    s->exe_size = (uint16_t)draft_string(p, json_object_get(event, "exe"), "exe", PMT_PATH_MAX);
    s->libc_size = (uint16_t)draft_string(p, json_object_get(event, "libc"), "libc", PMT_PATH_MAX);
    const json_t *argv = field_array(p, event, "argv", PMT_RECORD_MAX);
    size_t start = p->used;
    p->list = "argv";
    for (p->index = 0; p->index < json_array_size(argv); p->index++) {
        const json_t *argument = json_array_get(argv, p->index);
        const char *text = json_string_value(argument);
        if (text && strlen(text) != json_string_length(argument))
            failure_field(p, NULL, "a string without NUL");
        draft_string(p, argument, NULL, PMT_RECORD_MAX);
        draft_append(p, "", 1);
    }
    p->list = NULL;
    s->argv_size = (uint32_t)(p->used - start);
}

static const char *linking_name(unsigned is_static)
{
    return is_static ? "static" : "dynamic";
}

static const char *allocator_calls_name(unsigned blind)
{
    return blind ? "unseen" : "seen";
}

static void build_origin(struct replay *p, const json_t *event, struct pmt_process *s)
{
    s->origin = field_find_name(p, event, "origin", names_origin, PMT_ORIGIN_EXEC + 1);
    s->backend = field_find_name(p, event, "backend", names_backend, PMT_BACKEND_PTRACE + 1);
    s->statically_linked = field_find_name(p, event, "linking", linking_name, 2);
    s->blind = field_find_name(p, event, "allocator_calls", allocator_calls_name, 2);
    if (s->origin == PMT_ORIGIN_FORK)
        s->fork_id = (uint32_t)field_unsigned(p, event, "fork_id", UINT32_MAX);
}

void build_process(struct replay *p, const json_t *event)
{
    struct pmt_process *s = draft_start(p, PMT_RECORD_PROCESS, sizeof *s);
    uint64_t schema = field_unsigned(p, event, "schema", UINT64_MAX);
    if (schema != SCHEMA)
        return failure_say(
            p,
            "schema %" PRIu64
            " is not known here, only schema %d: this trace comes from another version",
            schema, SCHEMA);
    uint64_t class = field_unsigned(p, event, "class", 64);
    if (class != 32 && class != 64)
        failure_field(p, "class", "32 or 64");
    s->word_size = (uint8_t)(class / 8);
    build_origin(p, event, s);
    s->pid = (uint32_t)field_unsigned(p, event, "pid", UINT32_MAX);
    s->ppid = (uint32_t)field_unsigned(p, event, "ppid", UINT32_MAX);
    s->pie = field_bool(p, event, "pie");
    const char *snapshots = field_chars(p, event, "snapshots");
    s->query = strcmp(snapshots, "query") == 0;
    if (!s->query && strcmp(snapshots, "text") != 0)
        failure_field(p, "snapshots", "\"query\" or \"text\"");
    s->page_size = (uint32_t)field_unsigned(p, event, "page_size", UINT32_MAX);
    s->wall_time = field_unsigned(p, event, "wall_time_ns", UINT64_MAX);
    s->brk = field_address(p, event, "brk");
    s->stack_end = field_address(p, event, "stack_end");
    field_addresses(p, event, "tracer", 3, s->tracer);
    build_thresholds(p, event, s);
    build_process_strings(p, event, s);
    word_sizes_set(p, field_image(p, event), s->word_size);
}
