#include "shim/kernel/image.h"
#include "schemas/glibc.h"
#include "shim/base/environment.h"
#include "shim/base/library.h"
#include "shim/base/own_map.h"
#include "shim/base/real.h"
#include "shim/base/sys.h"
#include "shim/kernel/dispositions.h"
#include "shim/looks/snapshot.h"
#include "shim/ring/emit.h"
#include "shim/ring/handover.h"
#include "shim/ring/output.h"
#include "shim/stacks/stack_id.h"
#include <string.h>

static void name_libc(char *out, size_t size)
{
    const char *(*version)(void) = library_system("gnu_get_libc_version");
    strcpy(out, "glibc ");
    strncat(out, version(), size - sizeof "glibc ");
}

static void set_thresholds(struct pmt_process *p)
{
    struct glibc_settings settings = {.word_size = sizeof(long)};
    for (char *const *at = environment_variables(); at && *at; at++)
        glibc_read_variable(&settings, *at);
    glibc_set_thresholds(p, &settings);
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
    name_libc(libc, sizeof libc);
    long exe_size = sys3(__NR_readlink, "/proc/self/exe", exe, sizeof exe);
    if (exe_size < 0)
        exe_size = 0;
    size_t argv_size = 0;
    const char *argv = environment_arguments(&argv_size, 32u << 10);
    size_t libc_size = strlen(libc);
    const struct link_map *definer = real_allocator();
    const char *allocator = !definer ? "" : definer == library_first() ? exe : definer->l_name;
    size_t allocator_size =
        definer == library_first() ? (size_t)exe_size : strnlen(allocator, sizeof exe);
    struct emit e = emit_begin(pmt_align((uint32_t)(sizeof(struct pmt_process) + exe_size +
                                                    libc_size + argv_size + allocator_size)));
    struct pmt_process *p = e.record;
    if (!p)
        return;
    memset((char *)p + sizeof p->r, 0, sizeof *p - sizeof p->r);
    emit_header(&e, PMT_RECORD_PROCESS, 0, 0, ticks_now());
    p->pid = live->pid;
    p->ppid = birth.parent ? birth.parent : (uint32_t)sys0(__NR_getppid);
    p->word_size = sizeof(long);
    p->pie = library_first()->l_addr != 0;
    p->query = own_map_by_query();
    p->page_size = live->page_size;
    p->wall_time = sys_clock(CLOCK_REALTIME);
    p->monotonic = sys_clock(CLOCK_MONOTONIC);
    if (process.glibc_malloc)
        set_thresholds(p);
    p->brk = (unsigned long)sys1(__NR_brk, 0);
    p->stack_end = process.stack.inside;
    p->tracer[0] = (uintptr_t)live;
    p->tracer[1] = process.own_low;
    p->tracer[2] = (uintptr_t)output_window();
    p->exe_size = (uint16_t)exe_size;
    p->libc_size = (uint16_t)libc_size;
    p->argv_size = (uint32_t)argv_size;
    p->origin = (uint8_t)birth.origin;
    p->backend = PMT_BACKEND_PRELOAD;
    p->blind = !real_malloc_is_behind();
    p->allocator_size = (uint16_t)allocator_size;
    p->fork_id = birth.fork_id;
    char *strings = (char *)(p + 1);
    memcpy(strings, exe, (size_t)exe_size);
    memcpy(strings + exe_size, libc, libc_size);
    memcpy(strings + exe_size + libc_size, argv, argv_size);
    memcpy(strings + exe_size + libc_size + argv_size, allocator, allocator_size);
    emit_end(&e);
}

static const char *single_threaded; /* glibc's __libc_single_threaded, or NULL */
static void *ring_memory;           /* where the ring is mapped; in a fork child, the parent's */

static void begin(enum sink sink, struct birth birth)
{
    if (single_threaded && sink == SINK_RING && live->clock == PMT_CLOCK_TSC)
        live->alone = single_threaded;
    ring_memory = live->ring;
    if (live->ring)
        stack_id_configure(live->ring->flags, live->ring->stack_depth);
    live->sink = sink;
    send_process(birth);
    if (lock_take(&map_lock)) {
        snapshot_whole(PMT_REASON_START, 0);
        lock_release(&map_lock);
    }
    state_update();
    if (state_tid() == live->pid)
        thread.stack_low = (uintptr_t)process.stack.low;
}

void image_begin(enum sink sink, enum pmt_origin origin)
{
    single_threaded = library_system("__libc_single_threaded"); /* since glibc 2.32 */
    begin(sink, (struct birth){.origin = origin});
    if (process.sees_signals && !(live->ring && live->ring->flags & PMT_RING_NO_LAST_WORDS))
        dispositions_begin();
}

void image_begin_child(uint32_t fork_id, uint32_t parent)
{
    const char *socket = strchr(environment_preload()->socket, '=');
    live->pid = (uint32_t)sys0(__NR_getpid);
    live->page_size = 4096;
    live->alone = &state_never_alone;
    if (socket && handover(live, socket + 1, ring_memory)) {
        begin(SINK_RING, (struct birth){PMT_ORIGIN_FORK, fork_id, parent});
    } else {
        handover_note(ring_memory, PMT_UNFOLLOWED_UNREACHABLE, "");
        handover_forget(ring_memory);
        process.follow = false;
    }
}
