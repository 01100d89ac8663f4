/* Every system call of libc is `call *%gs:0x10` (entry_i386.S). New threads inherit the pointer.
 * ld.so enters the kernel by `int $0x80`, with `mov $number, %eax` in front of it. In the place of
 * that comes a call of a site of entry_i386.S, whose return address then tells where to go on. */
#include "shim/base/library.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"
#include "shim/kernel/entry.h"
#include "shim/kernel/patch.h"
#include <string.h>

extern void kernel_entry(void) HIDDEN;
extern void entry_mmap2(void) HIDDEN;
extern void entry_munmap(void) HIDDEN;
extern void entry_mprotect(void) HIDDEN;

bool entry_install(void)
{
    void *current;
    process.sees_signals = true;
    __asm__("movl %%gs:0x10, %0" : "=r"(current));
    if (current == (void *)kernel_entry)
        return true;
    sys_gate = current;
    __asm__ volatile("movl %0, %%gs:0x10" : : "r"((void *)kernel_entry) : "memory");
    return true;
}

/* The call with six arguments is made in a function of its own: %edi points to the first, and to
 * what belongs in %edi and %ebp. glibc: sysdeps/unix/sysv/linux/i386/libc-do-syscall.S. */
static bool is_six_arguments(struct patch_code text, const unsigned char *function)
{
    static const unsigned char body[] = {0x53, 0x57, 0x55, /* push %ebx, %edi, %ebp */
                                         0x8b, 0x1f, 0x8b, 0x6f,
                                         0x08, 0x8b, 0x7f, 0x04, /* mov (%edi), 8(%edi), 4(%edi) */
                                         0xcd, 0x80,             /* int $0x80 */
                                         0x5d, 0x5f, 0x5b, 0xc3};
    return function >= text.at && function + sizeof body <= text.at + text.size &&
           memcmp(function, body, sizeof body) == 0;
}

/* Among functions that are called with the same number for something else. */
static unsigned char *find_mmap2(struct patch_code text)
{
    static const unsigned char number[] = {0xb8, __NR_mmap2, 0, 0, 0, 0xe8}; /* mov; call */
    unsigned char *found = NULL, *place;
    struct patch_code rest = text;
    while ((place = patch_find(rest, number, sizeof number))) {
        int32_t distance;
        unsigned char *behind = place + sizeof number + sizeof distance;
        if (behind > text.at + text.size)
            break;
        memcpy(&distance, place + sizeof number, sizeof distance);
        bool is_it = is_six_arguments(text, behind + distance);
        if (is_it && found)
            return NULL;
        if (is_it)
            found = place;
        rest = (struct patch_code){behind, (size_t)(text.at + text.size - behind)};
    }
    return found;
}

bool entry_install_in_loader(void)
{
    static const unsigned char munmap[] = {0xb8, __NR_munmap, 0, 0, 0, 0xcd, 0x80};
    static const unsigned char mprotect[] = {0xb8, __NR_mprotect, 0, 0, 0, 0xcd, 0x80};
    struct patch_code text = patch_segment((const void *)library_loader()->l_addr);
    unsigned char *maps = find_mmap2(text);
    unsigned char *unmaps = patch_find_only(text, munmap, sizeof munmap);
    unsigned char *protects = patch_find_only(text, mprotect, sizeof mprotect);
    if (!maps || !unmaps || !protects || !patch_open(text))
        return false;
    bool all = patch_lead(maps, PATCH_CALL, (const void *)entry_mmap2) &&
               patch_lead(unmaps, PATCH_CALL, (const void *)entry_munmap) &&
               patch_lead(protects, PATCH_CALL, (const void *)entry_mprotect);
    patch_close(text);
    return all;
}
