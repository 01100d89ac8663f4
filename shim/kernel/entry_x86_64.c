/* Puts jumps to the sites of entry_x86_64.S into libc and ld.so, in the place of `mov $number,
 * %eax` before a `syscall`: five bytes each. glibc has one such place for each call that can change
 * the map, in the function of its name, and calls these functions itself (malloc calls its mmap).
 * What is not found in libc stays as it is; its changes are found by looking at the map, and
 * reported as unattributed. */
#include "shim/base/library.h"
#include "shim/base/state.h"
#include "shim/kernel/call_numbers.h"
#include "shim/kernel/entry.h"
#include "shim/kernel/kernel.h"
#include "shim/kernel/patch.h"
#include <string.h>

#define ENTRY_SITES 128 /* as in entry_x86_64.S; one more place for syscall(3) */
#define SITE_SIZE 32

extern unsigned char entry_sites[] HIDDEN;
extern unsigned char entry_site_of_syscall[] HIDDEN;
extern unsigned char entry_thread_exit[] HIDDEN;
HIDDEN uint32_t entry_numbers[ENTRY_SITES];
HIDDEN const unsigned char *entry_returns[ENTRY_SITES + 1];

static unsigned used;

/* What was done to libc. */
static struct {
    struct patch_code text;
    unsigned count;
    struct {
        size_t at;
        uint32_t number;         /* of a call that leads to a site, or */
        const unsigned char *to; /* where what does not come back leads to */
    } places[ENTRY_SITES / 4];
} libc;

static void keep(const unsigned char *place, uint32_t number, const unsigned char *to)
{
    if (libc.count == sizeof libc.places / sizeof *libc.places)
        return;
    libc.places[libc.count].at = (size_t)(place - libc.text.at);
    libc.places[libc.count].number = number;
    libc.places[libc.count++].to = to;
}

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
    {"process_madvise", __NR_process_madvise},
    {"mseal", __NR_mseal},
    {"execve", __NR_execve},
    {"execveat", __NR_execveat},
    {"fexecve", __NR_execveat},
    {"_Fork", __NR_clone},
    {"fork", __NR_clone},
};

static struct patch_code find(const char *name)
{
    struct patch_code f = {NULL, 0};
    f.at = library_find(library_libc(), name, &f.size);
    return f;
}

#define CALL(number)                                                                               \
    {                                                                                              \
        0xb8, (unsigned char)(number), (unsigned char)((number) >> 8), 0, 0, 0x0f, 0x05            \
    }
#define CALL_SIZE 7 /* mov $number, %eax; syscall */

/* `place` has such a call. */
static bool lead_away(unsigned char *place, uint32_t number)
{
    if (!place || used == ENTRY_SITES)
        return false;
    entry_numbers[used] = number;
    entry_returns[used] = place + CALL_SIZE;
    if (!patch_lead(place, PATCH_JUMP, entry_sites + used * SITE_SIZE))
        return false;
    used++;
    return true;
}

static bool hook_call(const char *name, uint32_t number)
{
    const unsigned char call[CALL_SIZE] = CALL(number);
    struct patch_code f = find(name);
    unsigned char *place = patch_find(f, call, sizeof call);
    bool prefixed = place > f.at && (place[-1] & 0xf0) == 0x40; /* REX: another register */
    if (prefixed || !lead_away(place, number))
        return false;
    keep(place, number, NULL);
    return true;
}

/* syscall(3) takes its sixth argument from the stack before `syscall`. */
static void hook_syscall(void)
{
    static const unsigned char wanted[] = {0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05};
    struct patch_code f = find("syscall");
    unsigned char *place = patch_find(f, wanted, sizeof wanted);
    if (!place)
        return;
    entry_returns[ENTRY_SITES] = place + sizeof wanted;
    patch_lead(place, PATCH_JUMP, entry_site_of_syscall);
}

static void lead_for_good(unsigned char *place, const unsigned char *to)
{
    if (patch_lead(place, PATCH_JUMP, to))
        keep(place, 0, to);
}

static void exits(int status)
{
    kernel_call(&(struct sys_regs){__NR_exit_group, {(unsigned long)status}});
}

/* _exit(2) does not come back: its whole body is replaced. */
static void hook_exit(void)
{
    struct patch_code f = find("_exit");
    if (f.size >= PATCH_SIZE)
        lead_for_good(f.at, (const unsigned char *)exits);
}

/* start_thread() of glibc (nptl/pthread_create.c) has no name here, and lies near pthread_create.
 * It ends with `mov $__NR_exit, %edx`, then a loop of `xor %edi, %edi; mov %edx, %eax; syscall`. */
static void hook_thread_exit(void)
{
    static const unsigned char number[] = {0xba, __NR_exit, 0, 0, 0};
    static const unsigned char loop[] = {0x31, 0xff, 0x89, 0xd0, 0x0f, 0x05, 0xeb};
    const size_t around = 16u << 10;
    struct patch_code create = find("pthread_create");
    if (!create.at || (size_t)(create.at - libc.text.at) < around)
        return;
    struct patch_code near = {create.at - around, 2 * around};
    for (;;) {
        unsigned char *place = patch_find(near, number, sizeof number);
        if (!place)
            return;
        near.size -= (size_t)(place + sizeof number - near.at);
        near.at = place + sizeof number;
        struct patch_code after = {near.at, 16};
        if (near.size >= after.size && patch_find(after, loop, sizeof loop)) {
            lead_for_good(place, entry_thread_exit);
            return;
        }
    }
}

static bool is_libc(const unsigned char *text, size_t size)
{
    bool same = libc.count && size == libc.text.size;
    for (unsigned i = 0; same && i < libc.count; i++) {
        uint32_t number = libc.places[i].number;
        const unsigned char call[CALL_SIZE] = CALL(number);
        same = libc.places[i].to || memcmp(text + libc.places[i].at, call, sizeof call) == 0;
    }
    return same;
}

/* libc once more, in a namespace of its own (dlmopen): its calls, too, come from now on. */
static void code_mapped(const void *code, size_t size)
{
    struct patch_code text = {(unsigned char *)code, size};
    if (used + libc.count > ENTRY_SITES || !is_libc(code, size) || !patch_open(text))
        return;
    for (unsigned i = 0; i < libc.count; i++)
        if (libc.places[i].to)
            patch_lead(text.at + libc.places[i].at, PATCH_JUMP, libc.places[i].to);
        else
            lead_away(text.at + libc.places[i].at, libc.places[i].number);
    patch_close(text);
}

bool entry_install(void)
{
    libc.text = patch_segment((const void *)library_libc()->l_addr);
    if (!patch_open(libc.text))
        return false;
    unsigned needed = 0;
    process.sees_signals = hook_call("__libc_sigaction", __NR_rt_sigaction) &&
                           hook_call("sigaltstack", __NR_sigaltstack);
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        needed += hook_call(calls[i].name, calls[i].number) && i < NEEDED;
    hook_syscall();
    hook_exit();
    hook_thread_exit();
    patch_close(libc.text);
    kernel_code_mapped = code_mapped;
    return needed == NEEDED;
}

bool entry_install_in_loader(void)
{
    static const uint32_t numbers[] = {__NR_mmap, __NR_munmap, __NR_mprotect, __NR_brk};
    enum { COUNT = sizeof numbers / sizeof *numbers };
    unsigned char *places[COUNT];
    struct patch_code text = patch_segment((const void *)library_loader()->l_addr);
    for (unsigned i = 0; i < COUNT; i++) {
        const unsigned char call[CALL_SIZE] = CALL(numbers[i]);
        if (!(places[i] = patch_find_only(text, call, sizeof call)))
            return false;
    }
    if (!patch_open(text))
        return false;
    bool all = true;
    for (unsigned i = 0; i < COUNT; i++)
        all &= lead_away(places[i], numbers[i]);
    patch_close(text);
    return all;
}
