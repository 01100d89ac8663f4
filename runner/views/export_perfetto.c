#include "runner/views/export_perfetto.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/views/caller.h"
#include "runner/views/export_frames.h"
#include "runner/views/why.h"
#include <inttypes.h>
#include <perfetto.pb-c.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE 1u
#define STATE_CLEARED 1u      /* TracePacket.sequence_flags: nothing from before is needed */
#define LIVE_EVERY_NS 100000u /* the counter of bytes in blocks is told at most so often */

enum counter { COUNTER_MAPPED, COUNTER_HEAP, COUNTER_LIVE, COUNTER_THRESHOLD, COUNTERS };

/* A region that is in the map now: its slice is open. */
struct open_region {
    uint32_t image;
    uint64_t start, track;
};

/* What was told of an image. */
struct shown {
    uint64_t values[COUNTERS];
    bool told[COUNTERS];
    uint64_t live_ns;
    bool mapped; /* the regions of the start have been told */
};

/* A call stack on its way out. */
struct stack_out {
    struct export_frames frames;
    Perfetto__TrackEvent__Callstack__Frame items[EXPORT_FRAMES_MAX], *list[EXPORT_FRAMES_MAX];
};

struct export_perfetto {
    struct output *output;
    struct stack_out *stack;
    struct open_region *open;
    size_t count, room;
    uint64_t tracks, flows;
    bool begun;
    struct shown *shown; /* by number of the image */
    size_t shown_room;
};

/* ---- packets ---- */

static void put_packet(struct export_perfetto *p, Perfetto__TracePacket *packet)
{
    Perfetto__TracePacket *packets[] = {packet};
    Perfetto__Trace trace = PERFETTO__TRACE__INIT;
    packet->has_trusted_packet_sequence_id = 1;
    packet->trusted_packet_sequence_id = SEQUENCE;
    packet->has_sequence_flags = !p->begun;
    packet->sequence_flags = STATE_CLEARED;
    p->begun = true;
    trace.n_packet = 1;
    trace.packet = packets;
    size_t size = perfetto__trace__get_packed_size(&trace);
    uint8_t *bytes = memory_get(size + 1);
    perfetto__trace__pack(&trace, bytes);
    output_write(p->output, (const char *)bytes, size);
    memory_put(bytes);
}

static void put_track(struct export_perfetto *p, Perfetto__TrackDescriptor *track)
{
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.track_descriptor = track;
    track->has_uuid = 1;
    put_packet(p, &packet);
}

static void put_event(struct export_perfetto *p, uint64_t t_ns, uint64_t track,
                      Perfetto__TrackEvent__Type type, Perfetto__TrackEvent *event)
{
    Perfetto__TracePacket packet = PERFETTO__TRACE_PACKET__INIT;
    packet.has_timestamp = 1;
    packet.timestamp = t_ns;
    packet.track_event = event;
    event->has_type = 1;
    event->type = type;
    event->has_track_uuid = 1;
    event->track_uuid = track;
    put_packet(p, &packet);
}

/* ---- tracks ---- */

/* Of the process, of its counters; those of regions follow these numbers. */
static uint64_t track_of(uint32_t image)
{
    return (uint64_t)image << 32;
}

static uint64_t track_of_counter(uint32_t image, enum counter counter)
{
    return track_of(image) + 1 + counter;
}

static void begin_process(struct export_perfetto *p, const struct image *image)
{
    static const char *const names[COUNTERS] = {"mapped", "heap", "bytes in blocks",
                                                "mmap threshold"};
    Perfetto__ProcessDescriptor process = PERFETTO__PROCESS_DESCRIPTOR__INIT;
    Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
    char *words[64];
    process.has_pid = 1;
    process.pid = (int32_t)image->pid;
    process.process_name = basename(image->exe);
    process.cmdline = words;
    for (size_t at = 0; at < image->argv_size && process.n_cmdline < 64;
         at += strlen(image->argv + at) + 1)
        words[process.n_cmdline++] = image->argv + at;
    track.uuid = track_of(image->number);
    track.process = &process;
    put_track(p, &track);
    for (unsigned i = 0; i < COUNTERS; i++) {
        Perfetto__CounterDescriptor counter = PERFETTO__COUNTER_DESCRIPTOR__INIT;
        Perfetto__TrackDescriptor child = PERFETTO__TRACK_DESCRIPTOR__INIT;
        counter.has_unit = 1;
        counter.unit = PERFETTO__COUNTER_DESCRIPTOR__UNIT__UNIT_SIZE_BYTES;
        child.uuid = track_of_counter(image->number, (enum counter)i);
        child.has_parent_uuid = 1;
        child.parent_uuid = track.uuid;
        child.name = (char *)names[i];
        child.counter = &counter;
        put_track(p, &child);
    }
}

static struct shown *shown_of(struct export_perfetto *p, uint32_t image)
{
    if (image >= p->shown_room) {
        size_t room = (size_t)image + 16;
        struct shown *all = memory_get(room * sizeof *all);
        if (p->shown_room)
            memcpy(all, p->shown, p->shown_room * sizeof *all);
        memory_put(p->shown);
        p->shown = all;
        p->shown_room = room;
    }
    return &p->shown[image];
}

static void count(struct export_perfetto *p, uint32_t image, uint64_t t_ns, enum counter counter,
                  uint64_t value)
{
    struct shown *s = shown_of(p, image);
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    if (s->told[counter] && s->values[counter] == value)
        return;
    s->told[counter] = true;
    s->values[counter] = value;
    event.has_counter_value = 1;
    event.counter_value = (int64_t)value;
    put_event(p, t_ns, track_of_counter(image, counter), PERFETTO__TRACK_EVENT__TYPE__TYPE_COUNTER,
              &event);
}

static void count_map(struct export_perfetto *p, const struct model *m, uint64_t t_ns)
{
    struct totals now = regions_totals(&m->image->map);
    count(p, m->image->number, t_ns, COUNTER_MAPPED, now.program.bytes);
    count(p, m->image->number, t_ns, COUNTER_HEAP, now.kinds[KIND_HEAP].bytes);
    if (m->image->thresholds.mmap)
        count(p, m->image->number, t_ns, COUNTER_THRESHOLD, m->image->thresholds.mmap);
}

/* ---- regions ---- */

static struct open_region *find_open(struct export_perfetto *p, uint32_t image, uint64_t start)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->open[i].image == image && p->open[i].start == start)
            return &p->open[i];
    return NULL;
}

static void name_slice(const struct region *r, char *out, size_t size)
{
    char bytes[TEXT_SIZE], perms[5] = "";
    const unsigned p = r->raw.perms;
    snprintf(perms, sizeof perms, "%c%c%c%c", p & PMT_PERM_READ ? 'r' : '-',
             p & PMT_PERM_WRITE ? 'w' : '-', p & PMT_PERM_EXEC ? 'x' : '-',
             p & PMT_PERM_SHARED ? 's' : 'p');
    snprintf(out, size, "%s %s", text_size(bytes, region_size(r)), perms);
}

static void begin_slice(struct export_perfetto *p, uint64_t track, uint64_t t_ns,
                        const struct region *r, uint64_t flow)
{
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    char name[60];
    name_slice(r, name, sizeof name);
    event.name = name;
    event.n_flow_ids = flow != 0;
    event.flow_ids = &flow;
    put_event(p, t_ns, track, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_BEGIN, &event);
}

static void end_slice(struct export_perfetto *p, uint64_t track, uint64_t t_ns)
{
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    put_event(p, t_ns, track, PERFETTO__TRACK_EVENT__TYPE__TYPE_SLICE_END, &event);
}

static void begin_region(struct export_perfetto *p, const struct model *m, uint64_t t_ns,
                         const struct region *r, uint64_t flow)
{
    Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
    char name[300];
    const char *file = r->path[0] == '/' ? basename(r->path) : "";
    if (r->tracer)
        return;
    track.uuid = track_of(m->image->number) + 1 + COUNTERS + p->tracks++;
    track.has_parent_uuid = 1;
    track.parent_uuid = track_of(m->image->number);
    snprintf(name, sizeof name, "%s %08" PRIx64 "%s%s", kind_name(r->kind), r->raw.start,
             *file ? " " : "", file);
    track.name = name;
    put_track(p, &track);
    *array_add(p->open, p->count, p->room) =
        (struct open_region){m->image->number, r->raw.start, track.uuid};
    begin_slice(p, track.uuid, t_ns, r, flow);
}

static void end_region(struct export_perfetto *p, uint32_t image, uint64_t start, uint64_t t_ns)
{
    struct open_region *open = find_open(p, image, start);
    if (!open)
        return;
    end_slice(p, open->track, t_ns);
    *open = p->open[--p->count];
}

/* It goes on in its track, as a slice of another size. */
static void resize_region(struct export_perfetto *p, const struct model *m, uint64_t t_ns,
                          const struct region *before, const struct region *after, uint64_t flow)
{
    struct open_region *open = find_open(p, m->image->number, before->raw.start);
    if (!open)
        return begin_region(p, m, t_ns, after, flow);
    end_slice(p, open->track, t_ns);
    open->start = after->raw.start;
    begin_slice(p, open->track, t_ns, after, flow);
}

/* ---- a change ---- */

/* On the process's track: the call, why, and its stack, the outermost frame first. */
static void put_call(struct export_perfetto *p, const struct model *m, const struct change *change,
                     uint64_t flow)
{
    struct export_frames *frames = &p->stack->frames;
    Perfetto__TrackEvent__Callstack stack = PERFETTO__TRACK_EVENT__CALLSTACK__INIT;
    Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
    Perfetto__DebugAnnotation why = PERFETTO__DEBUG_ANNOTATION__INIT,
                              caller = PERFETTO__DEBUG_ANNOTATION__INIT, *notes[] = {&why, &caller};
    char name[100], sentence[400], place[400];
    snprintf(name, sizeof name, "%s %s", cause_name(&change->cause), change_name(change->type));
    why_text(change, sentence, sizeof sentence);
    why.name = "why";
    why.string_value = sentence;
    caller.name = "caller";
    caller.string_value = place;
    event.name = name;
    event.debug_annotations = notes;
    event.n_debug_annotations =
        1 + (caller_text(m, change->cause.stack_id, place, sizeof place) > 0);
    event.n_flow_ids = 1;
    event.flow_ids = &flow;
    export_frames_of(m, change->cause.stack_id, frames);
    for (unsigned i = 0; i < frames->count; i++) {
        const struct export_frame *frame = &frames->items[frames->count - 1 - i];
        Perfetto__TrackEvent__Callstack__Frame *f = p->stack->list[i] = &p->stack->items[i];
        perfetto__track_event__callstack__frame__init(f);
        f->function_name = (char *)frame->function;
        f->source_file = frame->file[0] ? (char *)frame->file : NULL;
        f->has_line_number = frame->line > 0;
        f->line_number = frame->line;
    }
    stack.frames = p->stack->list;
    stack.n_frames = frames->count;
    event.callstack = frames->count ? &stack : NULL;
    put_event(p, change->t_ns, track_of(m->image->number),
              PERFETTO__TRACK_EVENT__TYPE__TYPE_INSTANT, &event);
}

void export_perfetto_change(struct export_perfetto *p, const struct model *m,
                            const struct change *change)
{
    const uint64_t t_ns = change->t_ns, flow = ++p->flows;
    const uint32_t image = m->image->number;
    if (change->tracer)
        return;
    put_call(p, m, change, flow);
    if (change->type == CHANGE_MERGED) {
        for (size_t i = 0; i < change->parts.count; i++)
            end_region(p, image, change->parts.items[i]->raw.start, t_ns);
        begin_region(p, m, t_ns, change->after, flow);
    } else if (change->type == CHANGE_SPLIT) {
        end_region(p, image, change->before->raw.start, t_ns);
        for (size_t i = 0; i < change->parts.count; i++)
            begin_region(p, m, t_ns, change->parts.items[i], flow);
    } else if (change->before && change->after) {
        resize_region(p, m, t_ns, change->before, change->after, flow);
    } else if (change->before) {
        end_region(p, image, change->before->raw.start, t_ns);
    } else if (change->after) {
        begin_region(p, m, t_ns, change->after, flow);
    }
    count_map(p, m, t_ns);
}

/* ---- events ---- */

static void on_start(struct export_perfetto *p, const struct model *m, uint64_t t_ns)
{
    const struct region_list *map = &m->image->map.list;
    struct shown *s = shown_of(p, m->image->number);
    if (s->mapped)
        return;
    s->mapped = true;
    for (size_t i = 0; i < map->count; i++)
        begin_region(p, m, t_ns, map->items[i], 0);
    count_map(p, m, t_ns);
}

static void on_alloc(struct export_perfetto *p, const struct model *m, uint64_t t_ns)
{
    struct shown *s = shown_of(p, m->image->number);
    if (s->live_ns && t_ns < s->live_ns + LIVE_EVERY_NS)
        return;
    s->live_ns = t_ns;
    count(p, m->image->number, t_ns, COUNTER_LIVE, m->image->allocations.bytes);
}

static void on_exit_event(struct export_perfetto *p, const struct model *m, uint64_t t_ns)
{
    count(p, m->image->number, t_ns, COUNTER_LIVE, m->image->allocations.bytes);
    for (size_t i = p->count; i > 0; i--)
        if (p->open[i - 1].image == m->image->number)
            end_region(p, m->image->number, p->open[i - 1].start, t_ns);
}

void export_perfetto_event(struct export_perfetto *p, const struct model *m,
                           const struct event *event)
{
    const struct pmt_snapshot *look = (const struct pmt_snapshot *)event->record;
    switch (event->record->type) {
    case PMT_RECORD_PROCESS:
        return begin_process(p, m->image);
    case PMT_RECORD_SNAPSHOT:
        if (look->r.call == PMT_REASON_START && look->flags & PMT_SNAPSHOT_LAST)
            on_start(p, m, event->t_ns);
        return;
    case PMT_RECORD_ALLOC:
        return on_alloc(p, m, event->t_ns);
    case PMT_RECORD_EXIT:
        return on_exit_event(p, m, event->t_ns);
    }
}

void export_perfetto_threshold(struct export_perfetto *p, const struct model *m,
                               const struct threshold *threshold)
{
    count(p, m->image->number, threshold->t_ns, COUNTER_THRESHOLD, m->image->thresholds.mmap);
}

void export_perfetto_forget(struct export_perfetto *p, const struct model *m)
{
    if (!m->image->ended)
        on_exit_event(p, m, m->image->ledger.call_ns);
}

struct export_perfetto *export_perfetto_new(struct output *output)
{
    struct export_perfetto *p = memory_get(sizeof *p);
    p->output = output;
    p->stack = memory_get(sizeof *p->stack);
    return p;
}

void export_perfetto_free(struct export_perfetto *p)
{
    if (!p)
        return;
    memory_put(p->open);
    memory_put(p->stack);
    memory_put(p->shown);
    memory_put(p);
}
