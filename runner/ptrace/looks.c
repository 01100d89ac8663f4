#include "runner/ptrace/looks.h"
#include "schemas/look.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Whose map a look is at. */
struct subject {
    struct recorder *recorder;
    const struct tracee *thread;
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
    if (space->query && space->word_size == 8) {
        maps_start(&r->maps, &io, space->maps_fd, false);
        maps_learn_gate(&r->maps);
    }
    return 0;
}

bool looks_start(struct recorder *r, const struct space *space)
{
    maps_start(&r->maps, &io, space->maps_fd, space->query);
    r->maps.no_gate = space->word_size == 4;
    return space->maps_fd >= 0 && lseek(space->maps_fd, 0, SEEK_SET) == 0;
}

static void send(const struct look_walk *look, const struct look_window *w)
{
    const struct subject *subject = look->arg;
    const struct tracee *thread = subject->thread;
    struct recorder *r = subject->recorder;
    struct pmt_within within = recorder_within(thread);
    struct pmt_snapshot *s = recorder_begin(r, look_size(w, 0), PMT_RECORD_SNAPSHOT,
                                            (uint8_t)w->reason, thread->tid, look->stack_id);
    look_fill(look, w, &within, "", s);
    recorder_send(r, thread->process->space, 0);
}

static struct look_walk look_of(struct subject *subject, uint32_t stack_id)
{
    struct space *space = subject->thread->process->space;
    return (struct look_walk){.maps = &subject->recorder->maps,
                              .body = subject->recorder->body,
                              .stack = &space->stack,
                              .page_size = space->page_size,
                              .stack_id = stack_id,
                              .send = send,
                              .arg = subject};
}

void looks_ranges(struct recorder *r, const struct tracee *thread,
                  const struct mapcalls_range *ranges, unsigned count)
{
    struct subject subject = {r, thread};
    struct look_walk look = look_of(&subject, thread->stack_id);
    if (!looks_start(r, thread->process->space) || !look_ranges(&look, ranges, count))
        recorder_lost(r, thread, PMT_LOSS_SNAPSHOT);
}

void looks_whole(struct recorder *r, const struct tracee *thread, enum pmt_reason reason,
                 uint32_t stack_id)
{
    struct space *space = thread->process->space;
    struct subject subject = {r, thread};
    struct look_walk look = look_of(&subject, stack_id);
    uint64_t end = space->word_size == 4 ? 1ull << 32 : ~0ull << 12;
    if (!looks_start(r, space) || !look_whole(&look, reason, end))
        recorder_lost(r, thread, PMT_LOSS_SNAPSHOT);
}

uint64_t looks_file_end(struct recorder *r, struct space *space, uint64_t start)
{
    const struct maps *maps = &r->maps;
    uint64_t end = start, inode = 0;
    bool found = looks_start(r, space);
    while (found && maps_next(&r->maps, end) && maps->region.start == end && maps->region.inode &&
           (end == start || maps->region.inode == inode)) {
        inode = maps->region.inode;
        end = maps->region.end;
    }
    return end;
}

uint64_t looks_region_end(struct recorder *r, struct space *space, uint64_t address)
{
    bool found =
        looks_start(r, space) && maps_next(&r->maps, address) && r->maps.region.start <= address;
    return found ? r->maps.region.end : address;
}

uint64_t looks_segment_end(struct recorder *r, struct space *space, uint64_t address)
{
    return looks_start(r, space) ? maps_segment_end(&r->maps, address) : address;
}
