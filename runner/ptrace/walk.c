#include "runner/ptrace/walk.h"
#include "runner/base/memory.h"
#include "runner/ptrace/mem.h"
#include <elfutils/libdwfl.h>
#include <string.h>

struct walk {
    Dwfl *dwfl;
    pid_t pid; /* that the files were found by */
    bool files_known, attached;
    const struct walk_thread *thread; /* of the walk in hand */
    uint64_t *ip;
    uint32_t count, most;
    uint64_t stack_at; /* the innermost part of the stack, read at once */
    size_t stack_size;
    unsigned char stack[2048];
};

static char *no_debug_path = NULL;

static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                         .find_debuginfo = dwfl_standard_find_debuginfo,
                                         .debuginfo_path = &no_debug_path};

struct walk *walk_new(pid_t pid)
{
    struct walk *u = memory_get(sizeof *u);
    u->dwfl = dwfl_begin(&callbacks);
    u->pid = pid;
    return u;
}

void walk_free(struct walk *u)
{
    if (u && u->dwfl)
        dwfl_end(u->dwfl);
    memory_put(u);
}

void walk_file_mapped(struct walk *u)
{
    u->files_known = false;
}

void walk_unmapped(struct walk *u, uint64_t from, uint64_t to)
{
    if (u->files_known &&
        (dwfl_addrmodule(u->dwfl, from) || (to > from && dwfl_addrmodule(u->dwfl, to - 1))))
        u->files_known = false;
}

/* ---- what libdwfl asks ---- */

/* There is one thread in the process for libdwfl: the one whose stack is walked. */
static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
    struct walk *u = arg;
    (void)dwfl;
    if (*thread_arg)
        return 0;
    *thread_arg = u;
    return u->thread->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
    struct walk *u = arg;
    (void)dwfl;
    *thread_arg = u;
    return tid == u->thread->tid;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *out, void *arg)
{
    const struct walk *u = arg;
    const struct walk_thread *t = u->thread;
    unsigned word = t->is64 ? 8 : 4;
    (void)dwfl;
    *out = 0;
    if (t->replaced_at && address == t->replaced_at)
        *out = t->replaced;
    else if (address >= u->stack_at && address - u->stack_at + word <= u->stack_size)
        memcpy(out, u->stack + (address - u->stack_at), word);
    else if (!mem_read(t->tid, address, out, word))
        return false;
    return true;
}

/* By the numbers that DWARF has for registers, psABI. */
static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    const struct walk_thread *t = ((struct walk *)arg)->thread;
    const struct user_regs_struct *r = &t->regs;
    const Dwarf_Word in64[] = {r->rax, r->rdx, r->rcx, r->rbx, r->rsi, r->rdi,
                               r->rbp, r->rsp, r->r8,  r->r9,  r->r10, r->r11,
                               r->r12, r->r13, r->r14, r->r15, r->rip};
    const Dwarf_Word in32[] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp,
                               r->rbp, r->rsi, r->rdi, r->rip};
    return t->is64 ? dwfl_thread_state_registers(thread, 0, 17, in64)
                   : dwfl_thread_state_registers(thread, 0, 9, in32);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {.next_thread = next_thread,
                                                       .get_thread = get_thread,
                                                       .memory_read = read_memory,
                                                       .set_initial_registers = set_registers};

/* ---- walking ---- */

static bool find_files(struct walk *u)
{
    if (u->files_known)
        return true;
    dwfl_report_begin(u->dwfl); /* files that are still there are kept */
    u->files_known = dwfl_linux_proc_report(u->dwfl, u->thread->pid) == 0;
    dwfl_report_end(u->dwfl, NULL, NULL);
    if (u->files_known && !u->attached)
        u->attached = dwfl_attach_state(u->dwfl, NULL, u->pid, &thread_callbacks, u);
    return u->files_known;
}

static void read_stack(struct walk *u)
{
    u->stack_at = u->thread->regs.rsp;
    u->stack_size = mem_read_some(u->thread->tid, u->stack_at, u->stack, sizeof u->stack);
}

static int take_frame(Dwfl_Frame *frame, void *arg)
{
    struct walk *u = arg;
    Dwarf_Addr pc;
    if (u->count == u->most || !dwfl_frame_pc(frame, &pc, NULL) || pc == 0)
        return DWARF_CB_ABORT;
    u->ip[u->count++] = pc;
    return DWARF_CB_OK;
}

uint32_t walk_stack(struct walk *u, const struct walk_thread *thread, uint64_t *ip, uint32_t most)
{
    u->thread = thread;
    u->ip = ip;
    u->count = 0;
    u->most = most;
    read_stack(u);
    if (u->dwfl && find_files(u) && u->attached)
        dwfl_getthread_frames(u->dwfl, thread->tid, take_frame, u);
    if (u->count == 0)
        ip[u->count++] = thread->regs.rip;
    return u->count;
}
