#include "shim/base/own_map.h"
#include "shim/base/area.h"
#include "shim/base/sys.h"
#include <fcntl.h>

struct lock own_map_lock;

static bool by_query;
static struct maps *finder; /* scratch, under own_map_lock */

static long read_maps(int fd, void *out, size_t size)
{
    return sys3(__NR_read, fd, out, size);
}

static long ask_maps(int fd, unsigned long request, void *argument)
{
    return sys3(__NR_ioctl, fd, request, argument);
}

/* Not /proc/self: that is the main thread, and it may have ended. */
bool own_map_open(struct maps *maps)
{
    static const struct maps_io io = {read_maps, ask_maps};
    maps_start(maps, &io, sys_open("/proc/thread-self/maps", O_RDONLY, 0), by_query);
    return maps->fd >= 0;
}

void own_map_close(struct maps *maps)
{
    sys_close(maps->fd);
}

bool own_map_init(bool text)
{
    finder = area_get(sizeof *finder);
    if (finder && !text && own_map_open(finder)) {
        by_query = maps_can_query(finder->io, finder->fd);
        if (by_query && sizeof(long) == 8)
            maps_learn_gate(finder);
        own_map_close(finder);
    }
    return finder;
}

bool own_map_by_query(void)
{
    return by_query;
}

/* False: it could not be looked at. */
static bool find(void (*look)(void *arg), void *arg)
{
    uint64_t mask;
    bool opened = false;
    sys_block_signals(&mask);
    if (lock_take(&own_map_lock)) {
        opened = own_map_open(finder);
        if (opened) {
            look(arg);
            own_map_close(finder);
        }
        lock_release(&own_map_lock);
    }
    sys_restore_signals(&mask);
    return opened;
}

struct wanted {
    uint64_t address, low, high;
    bool found;
};

static void find_region(void *arg)
{
    struct wanted *w = arg;
    w->found = maps_next(finder, w->address) && finder->region.start <= w->address;
    w->low = finder->region.start;
    w->high = finder->region.end;
}

bool own_map_find(uint64_t address, uint64_t *low, uint64_t *high)
{
    struct wanted w = {.address = address};
    if (!find(find_region, &w) || !w.found)
        return false;
    *low = w.low;
    *high = w.high;
    return true;
}

static void find_segment(void *arg)
{
    struct wanted *w = arg;
    w->high = maps_segment_end(finder, w->address);
}

uint64_t own_map_segment_end(uint64_t address)
{
    struct wanted w = {.address = address, .high = address};
    find(find_segment, &w);
    return w.high;
}

struct gap {
    uint64_t address, end, low, high;
};

static void find_gap(void *arg)
{
    struct gap *g = arg;
    for (; g->end <= g->address && maps_next(finder, g->end); g->end = finder->region.end)
        if (finder->region.start > g->end && finder->region.start <= g->address) {
            g->low = g->end;
            g->high = finder->region.start;
        }
}

bool own_map_gap(uint64_t address, uint64_t reach, uint64_t *low, uint64_t *high)
{
    uint64_t from = address < reach ? 0 : address - reach;
    struct gap g = {address, from, from, from};
    find(find_gap, &g);
    *low = g.low;
    *high = g.high;
    return g.end > address;
}
