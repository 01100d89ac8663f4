#include "shim/start.h"
#include "shim/base/environment.h"
#include "shim/base/memory.h"
#include "shim/hooks/malloc.h"
#include "shim/kernel/entry.h"
#include "shim/kernel/fork.h"
#include "shim/kernel/kernel.h"
#include "shim/looks/loader.h"
#include "shim/looks/snapshot.h"
#include "shim/ring/emit.h"
#include "shim/ring/handover.h"
#include "shim/ring/output.h"
#include "shim/stacks/libunwind_walk.h"
#include "shim/stacks/stacks.h"
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* Set by the linker: where the shim begins and ends. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

struct process process;

static uint32_t started; /* 1: under way or done; stays so in children */

static void find_loader(void)
{
    const ElfW(Ehdr) *header = (const void *)getauxval(AT_BASE);
    if (!header)
        return;
    const ElfW(Phdr) *segment = (const void *)((const char *)header + header->e_phoff);
    uintptr_t end = 0;
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_LOAD && segment[i].p_vaddr + segment[i].p_memsz > end)
            end = segment[i].p_vaddr + segment[i].p_memsz;
    process.loader_low = (uintptr_t)header;
    process.loader_high = (uintptr_t)header + end;
}

/* Where PT_PHDR says that the program headers are, against where they are (AT_PHDR). */
static bool is_pie(void)
{
    const ElfW(Phdr) *segment = (const void *)getauxval(AT_PHDR);
    unsigned count = (unsigned)getauxval(AT_PHNUM);
    for (unsigned i = 0; segment && i < count; i++)
        if (segment[i].p_type == PT_PHDR)
            return segment[i].p_vaddr != (uintptr_t)segment;
    return false;
}

static const char never_alone;

static struct live *new_live_page(void)
{
    struct live *page =
        sys_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!page || sys3(__NR_madvise, page, 4096, MADV_WIPEONFORK) != 0)
        return NULL;
    page->pid = (uint32_t)sys0(__NR_getpid);
    page->page_size = (uint32_t)getauxval(AT_PAGESZ);
    page->alone = &never_alone;
    return page;
}

static const char *libc_name(char *out, size_t size, bool *glibc)
{
    const char *(*version)(void) = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    *glibc = version != NULL;
    if (!version)
        return "unknown";
    strcpy(out, "glibc ");
    strncat(out, version(), size - sizeof "glibc ");
    return out;
}

/* malloc/malloc.c of glibc: DEFAULT_MMAP_THRESHOLD, DEFAULT_MMAP_THRESHOLD_MAX,
 * DEFAULT_TRIM_THRESHOLD. Any of these settings turns the moving of the threshold off. */
static void thresholds(struct pmt_process *p)
{
    static const char *const fixing[] = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_",
                                         "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_"};
    if (!process.glibc_malloc)
        return;
    p->dynamic_threshold = 1;
    p->mmap_threshold_max = sizeof(long) == 4 ? 512u << 10 : 32u << 20;
    p->mmap_threshold = environment_tunable("glibc.malloc.mmap_threshold", fixing[0], 128u << 10);
    p->trim_threshold = environment_tunable("glibc.malloc.trim_threshold", fixing[1], 128u << 10);
    for (unsigned i = 0; i < sizeof fixing / sizeof *fixing; i++)
        if (environment_get(fixing[i]))
            p->dynamic_threshold = 0;
    static const char *const tunables[] = {"glibc.malloc.mmap_threshold",
                                           "glibc.malloc.trim_threshold", "glibc.malloc.top_pad",
                                           "glibc.malloc.mmap_max"};
    for (unsigned i = 0; i < sizeof tunables / sizeof *tunables; i++)
        if (environment_tunable(tunables[i], NULL, ~0ull) != ~0ull)
            p->dynamic_threshold = 0;
}

/* How this image came to be. */
struct birth {
    enum pmt_origin origin;
    uint32_t fork_id;
    uint32_t parent; /* 0: ask; it may have ended since the fork */
};

static void send_process(struct birth birth)
{
    char exe[PMT_PATH_MAX], libc[32];
    bool glibc;
    const char *libc_text = libc_name(libc, sizeof libc, &glibc);
    long exe_size = sys3(__NR_readlink, "/proc/self/exe", exe, sizeof exe);
    if (exe_size < 0)
        exe_size = 0;
    size_t argv_size = 0;
    const char *argv = environment_arguments(&argv_size, 32u << 10);
    size_t libc_size = strlen(libc_text);
    struct emit e = emit_begin(
        pmt_align((uint32_t)(sizeof(struct pmt_process) + exe_size + libc_size + argv_size)));
    struct pmt_process *p = e.record;
    if (!p)
        return;
    memset((char *)p + sizeof p->r, 0, sizeof *p - sizeof p->r);
    emit_header(&e, PMT_RECORD_PROCESS, 0, 0, clock_now());
    p->pid = live->pid;
    p->ppid = birth.parent ? birth.parent : (uint32_t)sys0(__NR_getppid);
    p->word_size = sizeof(long);
    p->pie = is_pie();
    p->query = snapshot_by_query();
    p->page_size = live->page_size;
    p->wall_time = sys_clock(CLOCK_REALTIME);
    p->monotonic = sys_clock(CLOCK_MONOTONIC);
    thresholds(p);
    p->brk = (unsigned long)sys1(__NR_brk, 0);
    p->stack_end = process.stack_end;
    p->tracer[0] = (uintptr_t)live;
    p->tracer[1] = process.own_low;
    p->tracer[2] = (uintptr_t)output_window();
    p->exe_size = (uint16_t)exe_size;
    p->libc_size = (uint16_t)libc_size;
    p->argv_size = (uint32_t)argv_size;
    p->origin = (uint8_t)birth.origin;
    p->backend = PMT_BACKEND_PRELOAD;
    p->fork_id = birth.fork_id;
    char *strings = (char *)(p + 1);
    memcpy(strings, exe, (size_t)exe_size);
    memcpy(strings + exe_size, libc_text, libc_size);
    memcpy(strings + exe_size + libc_size, argv, argv_size);
    emit_end(&e);
}

/* The ring of the runner, or the file of PROCMAP_TRACE_OUTPUT. */
static enum sink open_sink(struct live *page, bool *text_snapshots)
{
    const char *socket = environment_get(PMT_ENV_SOCKET);
    const char *output = environment_get(PMT_ENV_OUTPUT);
    const char *snapshots = environment_get(PMT_ENV_SNAPSHOTS);
    *text_snapshots = snapshots && strcmp(snapshots, "text") == 0;
    if (socket && *socket && handover(page, socket, NULL)) {
        *text_snapshots |= (page->ring->flags & PMT_RING_TEXT_SNAPSHOTS) != 0;
        process.follow = page->ring->flags & PMT_RING_FOLLOW;
        return SINK_RING;
    }
    if ((!socket || !*socket) && output && *output && output_open(output)) {
        page->clock = PMT_CLOCK_MONOTONIC;
        return SINK_OUTPUT;
    }
    return SINK_NONE;
}

static const char *single_threaded; /* glibc's __libc_single_threaded, or NULL */
static void *ring_memory;           /* where the ring is mapped; in a fork child, the parent's */

/* Everything is ready: the first records of this image. */
static void begin(enum sink sink, struct birth birth)
{
    if (single_threaded && sink == SINK_RING && live->clock == PMT_CLOCK_TSC)
        live->alone = single_threaded;
    ring_memory = live->ring;
    if (live->ring)
        stacks_configure(live->ring->flags, live->ring->stack_depth);
    live->sink = sink;
    send_process(birth);
    if (lock_take(&map_lock)) {
        snapshot_whole(PMT_REASON_START, 0);
        lock_release(&map_lock);
    }
    state_update();
    if (state_tid() == live->pid)
        thread.stack_low = (uintptr_t)process.stack_low;
}

static void start(void)
{
    process.own_low = (uintptr_t)__ehdr_start;
    process.own_high = (uintptr_t)_end;
    environment_find();
    process.stack_end = environment_stack_end();
    find_loader();
    process.glibc_malloc = hooks_malloc_is_glibc();
    struct live *none = live, *page;
    if (!environment_asks() || !memory_init() || !stacks_init() || !(page = new_live_page()))
        return;
    memory_set_apart(__ehdr_start);
    bool text_snapshots;
    live = page;
    enum sink sink = open_sink(page, &text_snapshots);
    const char *kernel = environment_get(PMT_ENV_KERNEL);
    bool calls_only = kernel && strcmp(kernel, "calls") == 0;
    if (sink == SINK_RING)
        calls_only |= (page->ring->flags & PMT_RING_CALLS_ONLY) != 0;
    environment_clean();
    if (sink == SINK_NONE || !snapshot_init(text_snapshots)) {
        live = none;
        return;
    }
    single_threaded = dlsym(RTLD_DEFAULT, "__libc_single_threaded"); /* since glibc 2.32 */
    bool exec = sink == SINK_RING && page->ring->flags & PMT_RING_EXEC;
    process.sees_kernel = !calls_only && entry_install();
    begin(sink, (struct birth){.origin = exec ? PMT_ORIGIN_EXEC : PMT_ORIGIN_START});
}

void process_begin_child(uint32_t fork_id, uint32_t parent)
{
    const char *socket = strchr(environment_preload()->socket, '=');
    live->pid = (uint32_t)sys0(__NR_getpid);
    live->page_size = (uint32_t)getauxval(AT_PAGESZ);
    live->alone = &never_alone;
    if (socket && handover(live, socket + 1, ring_memory)) {
        begin(SINK_RING, (struct birth){PMT_ORIGIN_FORK, fork_id, parent});
    } else {
        handover_forget(ring_memory);
        process.follow = false;
    }
}

/* Where system calls are not seen, this is the last that is heard of the process. */
__attribute__((destructor)) static void last_look(void)
{
    uint64_t mask;
    if (live->sink == SINK_NONE || process.sees_kernel)
        return;
    sys_block_signals(&mask);
    kernel_last_look(PMT_REASON_EXIT);
    sys_restore_signals(&mask);
}

bool process_start(void)
{
    if (likely(started)) /* 0 in the page of a child, see struct live */
        return process.follow && !live->pid ? fork_found_out() : live->sink != SINK_NONE;
    if (__atomic_exchange_n(&started, 1, __ATOMIC_ACQUIRE))
        return live->sink != SINK_NONE;
    int saved_errno = errno;
    uint64_t mask;
    sys_block_signals(&mask);
    thread.busy++;
    hooks_resolve();
    start();
    thread.busy--;
    sys_restore_signals(&mask);
    errno = saved_errno;
    return live->sink != SINK_NONE;
}

/* libunwind is loaded only now: ld.so's lock may be held where the first allocation came from.
 * Never into a program with a malloc of its own, which ld.so would then call for it. */
__attribute__((constructor)) static void construct(void)
{
    if (!process_start() || !hooks_malloc_are_used())
        return;
    if (stacks_need_libunwind())
        libunwind_load();
    uint64_t mask;
    sys_block_signals(&mask);
    if (lock_take(&map_lock)) {
        snapshot_whole(PMT_REASON_TRACER, 0);
        lock_release(&map_lock);
    }
    sys_restore_signals(&mask);
}
