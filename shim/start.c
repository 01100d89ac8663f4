#include "shim/start.h"
#include "shim/base/area.h"
#include "shim/base/environment.h"
#include "shim/base/library.h"
#include "shim/base/own_map.h"
#include "shim/base/pool.h"
#include "shim/base/real.h"
#include "shim/base/sys.h"
#include "shim/kernel/entry.h"
#include "shim/kernel/fork.h"
#include "shim/kernel/image.h"
#include "shim/looks/attention.h"
#include "shim/looks/snapshot.h"
#include "shim/ring/handover.h"
#include "shim/ring/output.h"
#include "shim/stacks/libunwind_walk.h"
#include "shim/stacks/stack_id.h"
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/* Set by the linker: where the shim begins and ends. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static uint32_t started; /* 1: under way or done; stays so in children */

static void find_loader(void)
{
    const ElfW(Ehdr) *header = (const void *)library_loader()->l_addr;
    const ElfW(Phdr) *segment = (const void *)((const char *)header + header->e_phoff);
    uintptr_t end = 0;
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_LOAD && segment[i].p_vaddr + segment[i].p_memsz > end)
            end = segment[i].p_vaddr + segment[i].p_memsz;
    process.loader_low = (uintptr_t)header;
    process.loader_high = (uintptr_t)header + end;
}

static struct live_page *new_live_page(void)
{
    struct live_page *page =
        sys_mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!page || sys3(__NR_madvise, page, 4096, MADV_WIPEONFORK) != 0)
        return NULL;
    page->pid = (uint32_t)sys0(__NR_getpid);
    page->page_size = 4096;
    page->alone = &state_never_alone;
    return page;
}

/* The ring of the runner, or the file of PROCMAP_TRACE_OUTPUT. */
static enum sink open_sink(struct live_page *page, bool *text_snapshots)
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

static void start(void)
{
    process.own_low = (uintptr_t)__ehdr_start;
    process.own_high = (uintptr_t)_end;
    environment_find(*(void **)library_system("__libc_stack_end"));
    process.stack.inside = environment_stack_end();
    find_loader();
    process.glibc_malloc = real_malloc_is_glibc();
    struct live_page *none = live, *page;
    if (!environment_asks() || !area_init() || !stack_id_init() || !(page = new_live_page()))
        return;
    bool text_snapshots;
    live = page;
    enum sink sink = open_sink(page, &text_snapshots);
    const char *kernel = environment_get(PMT_ENV_KERNEL);
    bool calls_only = kernel && strcmp(kernel, "calls") == 0;
    if (sink == SINK_RING)
        calls_only |= (page->ring->flags & PMT_RING_CALLS_ONLY) != 0;
    bool verifies = sink == SINK_RING && page->ring->flags & PMT_RING_VERIFY_STACKS;
    environment_clean();
    if (sink == SINK_NONE || !pool_init(verifies ? POOL_OF_LIBRARIES : POOL_SMALL) ||
        !own_map_init(text_snapshots) || !snapshot_init()) {
        live = none;
        return;
    }
    bool exec = sink == SINK_RING && page->ring->flags & PMT_RING_EXEC;
    process.sees_kernel = !calls_only && entry_install();
    process.sees_loader = process.sees_kernel && entry_install_in_loader();
    image_begin(sink, exec ? PMT_ORIGIN_EXEC : PMT_ORIGIN_START);
}

/* Where system calls are not seen, this is the last that is heard of the process. */
__attribute__((destructor)) static void last_look(void)
{
    uint64_t mask;
    if (live->sink == SINK_NONE || process.sees_kernel)
        return;
    sys_block_signals(&mask);
    attention_last_look(PMT_REASON_EXIT, stack_id_of_change());
    sys_restore_signals(&mask);
}

bool start_tracing(void)
{
    if (likely(started))
        return fork_found_out();
    if (__atomic_exchange_n(&started, 1, __ATOMIC_ACQUIRE))
        return live->sink != SINK_NONE;
    uint64_t mask;
    sys_block_signals(&mask);
    thread.busy++;
    library_init();
    real_resolve();
    start();
    thread.busy--;
    sys_restore_signals(&mask);
    return live->sink != SINK_NONE;
}

/* libunwind, to verify stacks by, is loaded only now: ld.so's lock may be held where the first
 * allocation came from. Never into a program with a malloc of its own, which ld.so would then call
 * for it. */
__attribute__((constructor)) static void construct(void)
{
    uint64_t mask;
    if (!start_tracing() || !stack_id_needs_libunwind() || !real_malloc_is_behind())
        return;
    libunwind_load();
    sys_block_signals(&mask);
    if (lock_take(&map_lock)) {
        snapshot_whole(PMT_REASON_TRACER, 0);
        lock_release(&map_lock);
    }
    sys_restore_signals(&mask);
}
