/* The text of /proc/PID/maps. */
#include "schemas/maps.h"
#include "tests/fuzz/fuzz.h"
#include <errno.h>

static struct {
    const uint8_t *at;
    size_t left;
} text;

static long io_read(int fd, void *out, size_t size)
{
    (void)fd;
    size = size < text.left ? size : text.left;
    size = size > 700 ? 700 : size; /* lines end anywhere */
    memcpy(out, text.at, size);
    text.at += size;
    text.left -= size;
    return (long)size;
}

static long io_ioctl(int fd, unsigned long request, void *argument)
{
    (void)fd, (void)request, (void)argument;
    return -ENOTTY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct maps_io io = {io_read, io_ioctl};
    static struct maps maps;
    text.at = data;
    text.left = size;
    maps_start(&maps, &io, 3, false);
    for (uint64_t at = 0; maps_next(&maps, at); at = maps.region.end)
        if (maps.region.end <= at || maps.region.path_size > PMT_PATH_MAX)
            abort();
    return 0;
}
