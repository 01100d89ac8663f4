/* Puts jumps to the sites of entry_x86_64.S into libc, in the place of `mov $number, %eax` before a
 * `syscall`: five bytes each. glibc has one such place for each call that can change the map, in
 * the function of its name, and calls these functions itself (malloc calls its mmap). What is not
 * found stays as it is; its changes are found by looking at the map, and reported as
 * unattributed. */
#include "shim/base/library.h"
#include "shim/base/state.h"
#include "shim/kernel/entry.h"
#include "shim/kernel/kernel.h"
#include <sys/mman.h>

#define ENTRY_SITES 32 /* as in entry_x86_64.S; one more place for syscall(3) */
#define SITE_SIZE 32
#define JUMP_SIZE 5

extern unsigned char entry_sites[] HIDDEN;
extern unsigned char entry_site_of_syscall[] HIDDEN;
extern unsigned char entry_thread_exit[] HIDDEN;
HIDDEN uint32_t entry_numbers[ENTRY_SITES];
HIDDEN const unsigned char *entry_returns[ENTRY_SITES + 1];

static unsigned used;

struct function {
    unsigned char *code;
    size_t size;
};

static const struct {
    const char *name;
    uint32_t number;
} calls[] = {
    {"mmap", __NR_mmap},
    {"munmap", __NR_munmap},
    {"mprotect", __NR_mprotect},
    {"mremap", __NR_mremap},
    {"brk", __NR_brk},
#define NEEDED 5 /* what malloc uses: without these not even its changes would be seen */
    {"madvise", __NR_madvise},
    {"posix_madvise", __NR_madvise},
    {"mlock", __NR_mlock},
    {"mlock2", __NR_mlock},
    {"mlock2", __NR_mlock2},
    {"munlock", __NR_munlock},
    {"mlockall", __NR_mlockall},
    {"munlockall", __NR_munlockall},
    {"remap_file_pages", __NR_remap_file_pages},
    {"shmat", __NR_shmat},
    {"shmdt", __NR_shmdt},
    {"prctl", __NR_prctl},
    {"pkey_mprotect", __NR_pkey_mprotect},
    {"execve", __NR_execve},
    {"execveat", __NR_execveat},
    {"fexecve", __NR_execveat},
    {"_Fork", __NR_clone},
    {"fork", __NR_clone},
};

static struct function find(const char *name)
{
    struct function f = {NULL, 0};
    f.code = library_find(library_libc(), name, &f.size);
    return f;
}

static bool jump(unsigned char *from, const unsigned char *to)
{
    intptr_t distance = to - (from + JUMP_SIZE);
    int32_t offset = (int32_t)distance;
    if (offset != distance)
        return false;
    from[0] = 0xe9; /* jmp rel32 */
    for (unsigned i = 0; i < 4; i++)
        from[1 + i] = (unsigned char)((uint32_t)offset >> 8 * i);
    return true;
}

/* The place of `bytes` in the function; byte by byte, as libc's own may be what is changed. */
static unsigned char *place_of(const struct function *f, const unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at + size <= f->size; at++) {
        size_t i = 0;
        while (i < size && f->code[at + i] == bytes[i])
            i++;
        if (i == size)
            return f->code + at;
    }
    return NULL;
}

static bool hook_call(const char *name, uint32_t number)
{
    const unsigned char wanted[] = {
        0xb8, (unsigned char)number, (unsigned char)(number >> 8), 0, 0, 0x0f,
        0x05}; /* mov $number, %eax; syscall */
    struct function f = find(name);
    unsigned char *place = place_of(&f, wanted, sizeof wanted);
    bool prefixed = place > f.code && (place[-1] & 0xf0) == 0x40; /* REX: another register */
    if (!place || prefixed || used == ENTRY_SITES)
        return false;
    entry_numbers[used] = number;
    entry_returns[used] = place + sizeof wanted;
    if (!jump(place, entry_sites + used * SITE_SIZE))
        return false;
    used++;
    return true;
}

/* syscall(3) takes its sixth argument from the stack before `syscall`. */
static void hook_syscall(void)
{
    static const unsigned char wanted[] = {0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05};
    struct function f = find("syscall");
    unsigned char *place = place_of(&f, wanted, sizeof wanted);
    if (!place)
        return;
    entry_returns[ENTRY_SITES] = place + sizeof wanted;
    jump(place, entry_site_of_syscall);
}

static void exits(int status)
{
    kernel_call(&(struct sys_regs){__NR_exit_group, {(unsigned long)status}});
}

/* _exit(2) does not come back: its whole body is replaced. */
static void hook_exit(void)
{
    struct function f = find("_exit");
    if (f.size >= JUMP_SIZE)
        jump(f.code, (const unsigned char *)exits);
}

/* start_thread() of glibc (nptl/pthread_create.c) has no name here, and lies near pthread_create.
 * It ends with `mov $__NR_exit, %edx`, then a loop of `xor %edi, %edi; mov %edx, %eax; syscall`. */
static void hook_thread_exit(const struct function *text)
{
    static const unsigned char number[] = {0xba, __NR_exit, 0, 0, 0};
    static const unsigned char loop[] = {0x31, 0xff, 0x89, 0xd0, 0x0f, 0x05, 0xeb};
    const size_t around = 16u << 10;
    struct function create = find("pthread_create");
    if (!create.code || (size_t)(create.code - text->code) < around)
        return;
    struct function near = {create.code - around, 2 * around};
    for (;;) {
        unsigned char *place = place_of(&near, number, sizeof number);
        if (!place)
            return;
        near.size -= (size_t)(place + sizeof number - near.code);
        near.code = place + sizeof number;
        struct function after = {near.code, 16};
        if (near.size >= after.size && place_of(&after, loop, sizeof loop)) {
            jump(place, entry_thread_exit);
            return;
        }
    }
}

/* The executable segment of libc. */
static struct function text_of(const void *base)
{
    const ElfW(Ehdr) *header = base;
    const ElfW(Phdr) *segment = (const void *)((const char *)base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++) {
        uintptr_t from = (uintptr_t)base + segment[i].p_vaddr;
        uintptr_t to = (from + segment[i].p_memsz + 4095) & ~(uintptr_t)4095;
        from &= ~(uintptr_t)4095;
        if (segment[i].p_type == PT_LOAD && segment[i].p_flags & PF_X)
            return (struct function){(unsigned char *)from, to - from};
    }
    return (struct function){NULL, 0};
}

/* All of the segment changes its permissions, so that it stays one region. Where code may not be
 * made writable (SELinux, MDWE) nothing is changed. */
bool entry_install(void)
{
    struct function text = text_of((const void *)library_libc()->l_addr);
    if (sys3(__NR_mprotect, text.code, text.size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        return false;
    unsigned needed = 0;
    process.sees_signals = hook_call("__libc_sigaction", __NR_rt_sigaction) &&
                           hook_call("sigaltstack", __NR_sigaltstack);
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        needed += hook_call(calls[i].name, calls[i].number) && i < NEEDED;
    hook_syscall();
    hook_exit();
    hook_thread_exit(&text);
    sys3(__NR_mprotect, text.code, text.size, PROT_READ | PROT_EXEC);
    return needed == NEEDED;
}
