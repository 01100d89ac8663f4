#include "runner/ptrace/process_record.h"
#include "runner/base/memory.h"
#include "runner/base/now.h"
#include "runner/program/inspect.h"
#include "runner/ptrace/allocator.h"
#include "runner/ptrace/looks.h"
#include "runner/ptrace/proc.h"
#include "schemas/glibc.h"
#include "schemas/loader.h"
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGV_MAX (32u << 10)
#define ENVIRONMENT_MAX (256u << 10)

struct facts {
    char exe[PMT_PATH_MAX];
    size_t exe_size;
    char *argv;
    size_t argv_size;
    char *environment; /* ends with two NUL */
    uint64_t start_brk, start_stack;
    uint64_t page_size;
    struct target target;
};

static int find_facts(pid_t pid, struct facts *f)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t length = readlink(path, f->exe, sizeof f->exe);
    if (length < 0 && errno != ENAMETOOLONG)
        return -errno;
    f->exe_size = length > 0 ? (size_t)length : 0;
    int error = inspect_program(path, &f->target);
    if (error)
        return error;
    f->argv = proc_read(pid, "cmdline", ARGV_MAX, &f->argv_size);
    if (f->argv_size && f->argv[f->argv_size - 1])
        f->argv_size++; /* cut off: one of the two NUL behind ends it */
    f->environment = proc_read(pid, "environ", ENVIRONMENT_MAX, &size);
    char *stat = proc_read(pid, "stat", 4096, &size);
    f->start_stack = proc_stat_field(stat, 28);
    f->start_brk = proc_stat_field(stat, 47);
    memory_put(stat);
    f->page_size = proc_auxiliary(pid, f->target.elf.bits / 8, AT_PAGESZ);
    if (!f->page_size)
        f->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

static void free_facts(struct facts *f)
{
    memory_put(f->argv);
    memory_put(f->environment);
    memory_put(f);
}

/* Of a new program the break is where it starts; of one that runs already it is known up to a page,
 * by the end of its heap. */
static uint64_t find_brk(struct recorder *r, struct space *space, uint64_t start)
{
    static const char heap[] = "[heap]";
    uint64_t end = looks_region_end(r, space, start);
    bool is_heap = end != start && r->maps.region.path_size == sizeof heap - 1 &&
                   memcmp(r->maps.path, heap, sizeof heap - 1) == 0;
    return is_heap ? end : start;
}

/* In a program that runs already, GLIBC_TUNABLES is in pieces. */
static void set_thresholds(struct pmt_process *p, const char *environment)
{
    static const char piece[] = "glibc.";
    struct glibc_settings settings = {.word_size = p->word_size};
    for (const char *at = environment; *at; at += strlen(at) + 1)
        if (strncmp(at, piece, sizeof piece - 1) == 0)
            glibc_read_tunables(&settings, at);
        else
            glibc_read_variable(&settings, at);
    glibc_set_thresholds(p, &settings);
}

static void find_loader(struct recorder *r, struct space *space, pid_t pid, const char *path)
{
    bool is_glibc = loader_is_glibc(path);
    space->loader_low = is_glibc ? proc_auxiliary(pid, space->word_size, AT_BASE) : 0;
    space->loader_high = is_glibc ? looks_file_end(r, space, space->loader_low) : 0;
}

static void send_process(struct recorder *r, const struct tracee *thread, enum pmt_origin origin,
                         const struct facts *f)
{
    const struct process *process = thread->process;
    struct space *space = process->space;
    const struct breakpoints *b = &space->breakpoints;
    bool expected = space->expects_libc && strstr(f->target.elf.loader, "ld-linux");
    const char *libc = b->glibc || expected ? "glibc" : "unknown";
    bool own = b->of_program && !b->glibc;
    uint32_t libc_size = (uint32_t)strlen(libc);
    size_t allocator_size = own ? f->exe_size : 0;
    uint32_t size = (uint32_t)(sizeof(struct pmt_process) + f->exe_size + libc_size + f->argv_size +
                               allocator_size);
    struct pmt_process *p = recorder_begin(r, size, PMT_RECORD_PROCESS, 0, process->pid, 0);
    p->pid = (uint32_t)process->pid;
    p->ppid = (uint32_t)process->ppid;
    p->word_size = (uint8_t)space->word_size;
    p->pie = f->target.elf.pie;
    p->query = space->query;
    p->page_size = (uint32_t)space->page_size;
    p->wall_time = now_ns(CLOCK_REALTIME);
    p->monotonic = p->r.time;
    p->brk = space->brk;
    p->stack_end = space->stack.inside;
    p->origin = (uint8_t)origin;
    p->backend = PMT_BACKEND_PTRACE;
    p->statically_linked = f->target.elf.linking == TARGET_LINKING_STATIC;
    p->blind = b->count == 0 && (own || !space->expects_libc);
    if (b->glibc || (expected && !own))
        set_thresholds(p, f->environment);
    p->fork_id = origin == PMT_ORIGIN_FORK ? process->fork_id : 0;
    p->exe_size = (uint16_t)f->exe_size;
    p->libc_size = (uint16_t)libc_size;
    p->argv_size = (uint32_t)f->argv_size;
    p->allocator_size = (uint16_t)allocator_size;
    char *strings = (char *)(p + 1);
    memcpy(strings, f->exe, f->exe_size);
    memcpy(strings + f->exe_size, libc, libc_size);
    memcpy(strings + f->exe_size + libc_size, f->argv, f->argv_size);
    memcpy(strings + f->exe_size + libc_size + f->argv_size, f->exe, allocator_size);
    recorder_send(r, space, 0);
}

int process_record_begin(struct recorder *r, struct tracee *thread, enum pmt_origin origin)
{
    struct process *process = thread->process;
    struct space *space = process->space;
    struct facts *f = memory_get(sizeof *f);
    int error = find_facts(process->pid, f);
    if (!error) {
        space->word_size = f->target.elf.bits / 8;
        error = looks_open(r, space, process->pid);
    }
    if (!error) {
        space->image = ++r->images;
        space->pid = (uint32_t)process->pid;
        space->page_size = f->page_size;
        space->stack.inside = f->start_stack;
        find_loader(r, space, process->pid, f->target.elf.loader);
        if (origin != PMT_ORIGIN_FORK) /* a child's is its parent's */
            space->brk = find_brk(r, space, f->start_brk);
        space->expects_libc = f->target.elf.linking == TARGET_LINKING_DYNAMIC;
        if (origin != PMT_ORIGIN_FORK)
            allocator_find(r, space, process->pid);
        send_process(r, thread, origin, f);
        looks_whole(r, thread, PMT_REASON_START, 0);
    }
    free_facts(f);
    return error;
}
