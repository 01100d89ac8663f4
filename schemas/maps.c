#include "schemas/maps.h"
#include <errno.h>
#include <string.h>

/* Linux 6.11, include/uapi/linux/fs.h: struct procmap_query and its flags. Written out here because
 * the headers of older systems lack it; the layout is the same in 32 and 64 bit. */
struct procmap_query {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start;
    uint64_t vma_end;
    uint64_t vma_flags;
    uint64_t vma_page_size;
    uint64_t vma_offset;
    uint64_t inode;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint32_t vma_name_size;
    uint32_t build_id_size;
    uint64_t vma_name_addr;
    uint64_t build_id_addr;
};
_Static_assert(sizeof(struct procmap_query) == 104, "struct procmap_query of the kernel");

#define PROCMAP_QUERY 0xc0686611u /* _IOWR('f', 17, struct procmap_query) */
#define QUERY_VMA_FLAGS 0x0fu     /* readable, writable, executable, shared: as enum pmt_perm */
#define QUERY_COVERING_OR_NEXT 0x10u

static int query(const struct maps_io *io, int fd, uint64_t address, struct procmap_query *q,
                 char *name, uint32_t name_size)
{
    memset(q, 0, sizeof *q);
    q->size = sizeof *q;
    q->query_flags = QUERY_COVERING_OR_NEXT;
    q->query_addr = address;
    q->vma_name_addr = (uintptr_t)name;
    q->vma_name_size = name_size;
    return (int)io->ioctl(fd, PROCMAP_QUERY, q);
}

bool maps_can_query(const struct maps_io *io, int fd)
{
    struct procmap_query q;
    return query(io, fd, 0, &q, NULL, 0) == 0;
}

void maps_start(struct maps *maps, const struct maps_io *io, int fd, bool by_query)
{
    maps->io = io;
    maps->fd = fd;
    maps->error = fd < 0 ? -fd : 0;
    maps->query = by_query;
    maps->have = maps->no_gate = false;
    maps->text_at = maps->text_end = 0;
}

/* The vsyscall page of 64-bit processes is in the text only: it belongs to no process. */
static struct pmt_region gate;
static const char gate_name[] = "[vsyscall]";

void maps_learn_gate(struct maps *maps)
{
    const uint64_t first_of_kernel = 1ull << 63;
    if (maps_next(maps, first_of_kernel))
        gate = maps->region;
}

static bool next_is_gate(struct maps *maps, uint64_t address)
{
    if (maps->no_gate || address >= gate.end)
        return false;
    maps->region = gate;
    memcpy(maps->path, gate_name, sizeof gate_name);
    return true;
}

static bool next_by_query(struct maps *maps, uint64_t address)
{
    struct procmap_query q;
    int result = query(maps->io, maps->fd, address, &q, maps->path, sizeof maps->path);
    if (result ==
        -ENAMETOOLONG) { /* the text gives such a name; the rest of this look is by text */
        maps->query = false;
        return maps_next(maps, address);
    }
    if (result >= 0 && q.vma_end <= address) /* somebody else has answered in the kernel's place */
        result = -EIO;
    if (result < 0) {
        maps->error = result == -ENOENT ? 0 : -result;
        return !maps->error && next_is_gate(maps, address);
    }
    maps->region = (struct pmt_region){
        .start = q.vma_start,
        .end = q.vma_end,
        .offset = q.vma_offset,
        .inode = q.inode,
        .dev_major = q.dev_major,
        .dev_minor = q.dev_minor,
        .perms = q.vma_flags & QUERY_VMA_FLAGS,
        .path_size = q.vma_name_size ? (uint16_t)(q.vma_name_size - 1) : 0,
    };
    return true;
}

static int next_byte(struct maps *maps)
{
    if (maps->text_at == maps->text_end) {
        long got = maps->io->read(maps->fd, maps->text, sizeof maps->text);
        if (got < 0)
            maps->error = (int)-got;
        if (got <= 0)
            return -1;
        maps->text_at = 0;
        maps->text_end = (uint32_t)got;
    }
    return (unsigned char)maps->text[maps->text_at++];
}

/* A number that ends at the first other character, which is consumed. */
static uint64_t next_number(struct maps *maps, unsigned base)
{
    uint64_t value = 0;
    for (;;) {
        int c = next_byte(maps);
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)c - '0'
                         : c >= 'a'           ? (unsigned)c - 'a' + 10
                                              : 99;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

/* The rest of the line. The kernel writes a newline in a name as \012 (fs/proc/task_mmu.c). */
static uint16_t next_path(struct maps *maps)
{
    uint16_t size = 0;
    int c = next_byte(maps);
    while (c == ' ')
        c = next_byte(maps);
    for (; c >= 0 && c != '\n'; c = next_byte(maps)) {
        if (size < sizeof maps->path)
            maps->path[size++] = (char)c;
        if (size >= 4 && memcmp(maps->path + size - 4, "\\012", 4) == 0) {
            size -= 3;
            maps->path[size - 1] = '\n';
        }
    }
    return size;
}

/* "08048000-08056000 r-xp 00000000 03:0c 64593   /usr/sbin/gpm", proc(5). */
static bool next_line(struct maps *maps)
{
    struct pmt_region *g = &maps->region;
    memset(g, 0, sizeof *g);
    g->start = next_number(maps, 16);
    g->end = next_number(maps, 16);
    for (unsigned i = 0; i < 4; i++) {
        int c = next_byte(maps);
        if (c == "rwxs"[i])
            g->perms |= (uint8_t)(1u << i);
    }
    next_byte(maps);
    g->offset = next_number(maps, 16);
    g->dev_major = (uint32_t)next_number(maps, 16);
    g->dev_minor = (uint32_t)next_number(maps, 16);
    g->inode = next_number(maps, 10);
    if (maps->error || maps->text_end == 0 || g->end == 0)
        return false;
    /* next_number() took the space behind the inode, or the newline where there is no path */
    if (maps->text[maps->text_at - 1] != '\n')
        g->path_size = next_path(maps);
    return !maps->error;
}

bool maps_next(struct maps *maps, uint64_t address)
{
    if (maps->query)
        return next_by_query(maps, address);
    while (!maps->have || maps->region.end <= address) {
        maps->have = next_line(maps);
        if (!maps->have)
            return false;
    }
    return true;
}

/* As in ipc/shm.c of Linux: pieces may have gone, the first one, too; those of one segment lie
 * where their place in it says. */
uint64_t maps_segment_end(struct maps *maps, uint64_t address)
{
    static const char segment[] = "/SYSV";
    const struct pmt_region *g = &maps->region;
    struct pmt_region first = {0};
    uint64_t end = address;
    for (uint64_t at = address; maps_next(maps, at); at = g->end) {
        bool is_piece = g->start >= address && g->start - address == g->offset &&
                        g->path_size >= sizeof segment - 1 &&
                        memcmp(maps->path, segment, sizeof segment - 1) == 0;
        if (!is_piece)
            continue;
        if (end == address)
            first = *g;
        if (g->inode == first.inode && g->dev_major == first.dev_major &&
            g->dev_minor == first.dev_minor)
            end = g->end;
    }
    return end;
}
