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

bool own_map_find(uint64_t address, uint64_t *low, uint64_t *high)
{
    uint64_t mask;
    bool found = false;
    sys_block_signals(&mask);
    if (lock_take(&own_map_lock)) {
        if (own_map_open(finder)) {
            found = maps_next(finder, address) && finder->region.start <= address;
            *low = finder->region.start;
            *high = finder->region.end;
            own_map_close(finder);
        }
        lock_release(&own_map_lock);
    }
    sys_restore_signals(&mask);
    return found;
}

bool own_map_gap(uint64_t address, uint64_t reach, uint64_t *low, uint64_t *high)
{
    uint64_t mask, end = *low = *high = address < reach ? 0 : address - reach;
    sys_block_signals(&mask);
    if (lock_take(&own_map_lock)) {
        if (own_map_open(finder)) {
            for (; end <= address && maps_next(finder, end); end = finder->region.end)
                if (finder->region.start > end && finder->region.start <= address) {
                    *low = end;
                    *high = finder->region.start;
                }
            own_map_close(finder);
        }
        lock_release(&own_map_lock);
    }
    sys_restore_signals(&mask);
    return end > address;
}
