#include "shim/base/area.h"
#include "shim/base/sys.h"
#include <link.h>
#include <linux/memfd.h>
#include <sys/mman.h>

/* As much as can be had, where that takes nothing from the program: most of it is for call stacks,
 * and not touched before they come. */
#define MOST_PRIVATE ((sizeof(long) == 4 ? 26u : 80u) << 20)
#define LEAST_PRIVATE ((sizeof(long) == 4 ? 8u : 13u) << 20)
#define PAGE 4096u

static unsigned char *area;
static size_t area_size, area_used;

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

static void *map(int fd, size_t size)
{
    area_size = size;
    if (!set_size(fd, size))
        return NULL;
    return sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
}

bool area_init(void)
{
    int fd = (int)sys2(__NR_memfd_create, AREA_NAME, MFD_CLOEXEC);
    if (fd < 0)
        return false;
    if (!sys_memory_is_limited())
        area = map(fd, MOST_PRIVATE);
    if (!area)
        area = map(fd, LEAST_PRIVATE);
    sys_close(fd);
    return area;
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

void *area_get(size_t size)
{
    size_t at, pages = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
    return area && pages >= size && area_reserve(&area_used, area_size, pages, &at) ? area + at
                                                                                    : NULL;
}

size_t area_left(void)
{
    return area_size - __atomic_load_n(&area_used, __ATOMIC_RELAXED);
}

bool area_owns(const void *address)
{
    return area && (uintptr_t)address - (uintptr_t)area < area_size;
}
