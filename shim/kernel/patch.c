#include "shim/kernel/patch.h"
#include "shim/base/sys.h"
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096u

struct patch_code patch_segment(const void *base)
{
    const ElfW(Ehdr) *header = base;
    const ElfW(Phdr) *segment = (const void *)((const char *)base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        uintptr_t from = (uintptr_t)base + segment[i].p_vaddr;
        uintptr_t to = (from + segment[i].p_memsz + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
        from &= ~(uintptr_t)(PAGE - 1);
        if (segment[i].p_type == PT_LOAD && segment[i].p_flags & PF_X)
            return (struct patch_code){(unsigned char *)from, to - from};
    }
    return (struct patch_code){NULL, 0};
}

/* Byte by byte, as libc's own functions may be what is changed. */
unsigned char *patch_find(struct patch_code in, const unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at + size <= in.size; at++) {
        size_t i = 0;
        while (i < size && in.at[at + i] == bytes[i])
            i++;
        if (i == size)
            return in.at + at;
    }
    return NULL;
}

unsigned char *patch_find_only(struct patch_code in, const unsigned char *bytes, size_t size)
{
    unsigned char *place = patch_find(in, bytes, size);
    if (!place || place == in.at)
        return NULL;
    bool prefixed = sizeof(long) == 8 && (place[-1] & 0xf0) == 0x40; /* REX: another register */
    struct patch_code rest = {place + size, (size_t)(in.at + in.size - (place + size))};
    return prefixed || patch_find(rest, bytes, size) ? NULL : place;
}

bool patch_open(struct patch_code segment)
{
    return segment.at &&
           sys3(__NR_mprotect, segment.at, segment.size, PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

void patch_close(struct patch_code segment)
{
    sys3(__NR_mprotect, segment.at, segment.size, PROT_READ | PROT_EXEC);
}

bool patch_lead(unsigned char *from, enum patch_lead how, const void *to)
{
    intptr_t distance = (intptr_t)to - (intptr_t)(from + PATCH_SIZE);
    int32_t offset = (int32_t)distance;
    if (offset != distance)
        return false;
    from[0] = (unsigned char)how;
    for (unsigned i = 0; i < 4; i++)
        from[1 + i] = (unsigned char)((uint32_t)offset >> 8 * i);
    return true;
}
