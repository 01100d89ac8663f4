#include "runner/ptrace/looks.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CHUNK (16u << 10) /* bytes of regions in one record, before the last one */

struct window {
    uint64_t lo, hi;
    uint32_t regions;
    uint32_t size; /* bytes used of recorder.body */
    uint32_t flags;
    uint32_t stack_id;
    enum pmt_reason reason;
    const struct tracee *thread;
    struct space *space;
};

static long read_maps(int fd, void *out, size_t size)
{
    ssize_t got = read(fd, out, size);
    return got < 0 ? -errno : got;
}

static long ask_maps(int fd, unsigned long request, void *argument)
{
    int result = ioctl(fd, request, argument);
    return result < 0 ? -errno : result;
}

static const struct maps_io io = {read_maps, ask_maps};

int looks_open(struct recorder *r, struct space *space, pid_t pid)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/maps", pid);
    if (space->maps_fd >= 0)
        close(space->maps_fd);
    space->maps_fd = open(name, O_RDONLY | O_CLOEXEC);
    if (space->maps_fd < 0)
        return -errno;
    space->query = !r->text && maps_can_query(&io, space->maps_fd);
    return 0;
}

bool looks_start(struct recorder *r, const struct space *space)
{
    maps_start(&r->maps, &io, space->maps_fd, space->query);
    return space->maps_fd >= 0 && lseek(space->maps_fd, 0, SEEK_SET) == 0;
}

static void send(struct recorder *r, const struct window *w)
{
    uint32_t size = (uint32_t)sizeof(struct pmt_snapshot) + w->size;
    struct pmt_snapshot *s = recorder_begin(r, size, PMT_RECORD_SNAPSHOT, (uint8_t)w->reason,
                                            w->thread->tid, w->stack_id);
    s->lo = w->lo;
    s->hi = w->hi;
    s->regions = w->regions;
    s->flags = w->flags;
    s->within.call = (uint8_t)w->thread->allocator.call;
    s->within.size = w->thread->allocator.size;
    memcpy(s + 1, r->body, w->size);
    recorder_send(r, w->space, 0);
}

static void add(struct recorder *r, struct window *w)
{
    const struct pmt_region *g = &r->maps.region;
    uint32_t whole = pmt_align(g->path_size);
    memcpy(r->body + w->size, g, sizeof *g);
    memcpy(r->body + w->size + sizeof *g, r->maps.path, g->path_size);
    memset(r->body + w->size + sizeof *g + g->path_size, 0, whole - g->path_size);
    w->size += (uint32_t)sizeof *g + whole;
    w->regions++;
    if (g->start <= w->space->stack_end && w->space->stack_end < g->end)
        w->space->stack_low = g->start;
}

/* The regions that reach into [lo, hi), in as many records as it takes. */
static void take(struct recorder *r, struct window *w, bool last)
{
    struct maps *maps = &r->maps;
    uint64_t hi = w->hi;
    uint64_t at = w->lo;
    w->size = w->regions = 0;
    while (at < hi && maps_next(maps, at) && maps->region.start < hi) {
        if (w->size > CHUNK) { /* this record's window ends where the next one's begins */
            w->hi = maps->region.start;
            send(r, w);
            w->lo = w->hi;
            w->size = w->regions = 0;
        }
        if (w->regions && maps->region.start < at) /* merged with the one before meanwhile */
            maps->region.start = at;
        add(r, w);
        at = maps->region.end;
    }
    w->hi = hi;
    w->flags |= last ? PMT_SNAPSHOT_LAST : 0;
    if (maps->error)
        recorder_lost(r, w->thread, PMT_LOSS_SNAPSHOT);
    else
        send(r, w);
}

/* The last thing to read of a map: the stack is above everything else. */
static void take_stack(struct recorder *r, const struct tracee *thread, uint32_t stack_id)
{
    struct space *space = thread->process->space;
    if (!space->stack_end || !maps_next(&r->maps, space->stack_end) ||
        r->maps.region.start > space->stack_end || r->maps.region.start == space->stack_low)
        return;
    struct window w = {.lo = r->maps.region.start,
                       .hi = r->maps.region.end,
                       .flags = PMT_SNAPSHOT_LAST,
                       .stack_id = stack_id,
                       .reason = PMT_REASON_STACK,
                       .thread = thread,
                       .space = space};
    add(r, &w);
    send(r, &w);
}

void looks_ranges(struct recorder *r, const struct tracee *thread,
                  const struct mapcalls_range *ranges, unsigned count)
{
    struct space *space = thread->process->space;
    if (!looks_start(r, space))
        return recorder_lost(r, thread, PMT_LOSS_SNAPSHOT);
    for (unsigned i = 0; i < count; i++) {
        uint64_t lo = ranges[i].lo;
        struct window w = {.lo = lo < space->page_size ? 0 : lo - space->page_size,
                           .hi = ranges[i].hi + space->page_size,
                           .stack_id = thread->stack_id,
                           .reason = PMT_REASON_KERNEL,
                           .thread = thread,
                           .space = space};
        take(r, &w, i + 1 == count);
    }
    take_stack(r, thread, thread->stack_id);
}

void looks_stack(struct recorder *r, const struct tracee *thread)
{
    if (looks_start(r, thread->process->space))
        take_stack(r, thread, 0);
}

void looks_whole(struct recorder *r, const struct tracee *thread, enum pmt_reason reason,
                 uint32_t stack_id)
{
    struct space *space = thread->process->space;
    struct window w = {.hi = space->word_size == 4 ? 1ull << 32 : 1ull << 63,
                       .flags = PMT_SNAPSHOT_WHOLE,
                       .stack_id = stack_id,
                       .reason = reason,
                       .thread = thread,
                       .space = space};
    if (!looks_start(r, space))
        return recorder_lost(r, thread, PMT_LOSS_SNAPSHOT);
    take(r, &w, true);
}

uint64_t looks_region_end(struct recorder *r, struct space *space, uint64_t address)
{
    bool found =
        looks_start(r, space) && maps_next(&r->maps, address) && r->maps.region.start <= address;
    return found ? r->maps.region.end : address;
}
