#include "shim/base/area.h"
#include "shim/base/sys.h"
#include <link.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#define PAGE 4096u
#define FIRST (1u << 20)
/* Of all pieces: it is nearly all for call stacks. */
#define MOST ((sizeof(long) == 4 ? 26u : 80u) << 20)
/* Of a program's limit on its memory, where it has one. */
#define PART_OF_LIMIT 64u

/* In its first page. */
struct piece {
    struct piece *before;
    size_t size, used;
};

static struct piece *newest; /* NULL before area_init() */

/* The limit on the size of files holds for a memfd, too. */
static bool set_size(int fd, size_t size)
{
    uint64_t limit = sys_file_limit();
    long result = -1;
    if (limit < size)
        sys_raise_file_limit();
    if (sys_file_limit() >= size)
#ifdef __i386__
        result = sys3(__NR_ftruncate64, fd, size, 0);
#else
        result = sys2(__NR_ftruncate, fd, size);
#endif
    if (limit < size)
        sys_restore_file_limit(limit);
    return result == 0;
}

static size_t most(void)
{
    uint64_t part = sys_memory_limit() / PART_OF_LIMIT;
    return part < MOST ? (size_t)part : MOST;
}

static size_t all(const struct piece *p)
{
    size_t size = 0;
    for (; p; p = p->before)
        size += p->size;
    return size;
}

static struct piece *map(size_t size, struct piece *before)
{
    int fd = (int)sys2(__NR_memfd_create, AREA_NAME, MFD_CLOEXEC);
    struct piece *piece = NULL;
    if (fd < 0)
        return NULL;
    if (set_size(fd, size))
        piece = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    sys_close(fd);
    if (piece)
        *piece = (struct piece){before, size, PAGE};
    return piece;
}

bool area_init(void)
{
    newest = map(FIRST, NULL);
    return newest;
}

/* Another piece, as much again as there is. Where two threads bring one at once both stay: a look
 * at the map may have seen them. */
static bool grow(size_t pages)
{
    struct piece *last = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    size_t have = all(last), size = have > pages + PAGE ? have : pages + PAGE;
    if (have >= most() || size > most() - have)
        size = pages + PAGE;
    if (have >= most() || size > most() - have)
        return false;
    struct piece *piece = map(size, last);
    if (!piece)
        return false;
    while (!__atomic_compare_exchange_n(&newest, &piece->before, piece, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
    return true;
}

void area_set_apart(const void *library)
{
    const ElfW(Ehdr) *header = library;
    const ElfW(Phdr) *segment = (const void *)((const char *)library + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        const ElfW(Phdr) *s = &segment[i];
        uintptr_t from =
            ((uintptr_t)library + s->p_vaddr + s->p_filesz + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
        uintptr_t to =
            ((uintptr_t)library + s->p_vaddr + s->p_memsz + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
        if (s->p_type == PT_LOAD && (s->p_flags & PF_W) && to > from)
            sys3(__NR_madvise, from, to - from, MADV_DONTDUMP);
    }
}

bool area_reserve(size_t *used, size_t room, size_t size, size_t *at)
{
    *at = __atomic_load_n(used, __ATOMIC_RELAXED);
    do
        if (size > room || *at > room - size)
            return false;
    while (!__atomic_compare_exchange_n(used, at, *at + size, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    return true;
}

/* Of the newest piece that has room. */
static void *take(size_t pages)
{
    size_t at;
    for (struct piece *p = __atomic_load_n(&newest, __ATOMIC_ACQUIRE); p; p = p->before)
        if (area_reserve(&p->used, p->size, pages, &at))
            return (unsigned char *)p + at;
    return NULL;
}

void *area_get(size_t size)
{
    size_t pages = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
    void *memory;
    if (pages < size || pages > MOST || !newest)
        return NULL;
    while (!(memory = take(pages)) && grow(pages))
        ;
    return memory;
}

size_t area_left(void)
{
    const struct piece *p = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    size_t have = all(p), limit = most();
    return (p ? p->size - __atomic_load_n(&p->used, __ATOMIC_RELAXED) : 0) +
           (limit > have ? limit - have : 0);
}

bool area_owns(const void *address)
{
    const struct piece *p = __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
    for (; p; p = p->before)
        if ((uintptr_t)address - (uintptr_t)p < p->size)
            return true;
    return false;
}
