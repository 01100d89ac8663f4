#include "runner/ptrace/moments.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/resident.h"
#include "runner/ptrace/where_values.h"
#include "runner/symbols/symbols.h"
#include <elf.h>
#include <string.h>

#define MOMENTS_MOST 8u

/* One that was named. */
struct moment {
    char *label;
    struct moment_places places;
    enum { AHEAD, INSIDE, BEHIND } state;
    pid_t tid;               /* INSIDE: the thread that came there */
    uint64_t cfa, return_to; /* of a function; return_to 0: a line */
};

struct moments {
    const struct space *space; /* NULL: it is over */
    uint64_t bias;
    struct moment items[MOMENTS_MOST];
    size_t count;
    const char *unknown;
};

static void set_point(struct ptracer *t, pid_t tid, uint64_t address)
{
    if (!breakpoints_at(&t->moments->space->breakpoints, address))
        points_set(&t->points, tid, address);
}

static void add(struct ptracer *t, const struct tracee *thread, const char *path, const char *label)
{
    struct moments *all = t->moments;
    struct moment *m = &all->items[all->count++];
    m->label = memory_text(label);
    symbols_moment(t->recorder->model->images.symbols, path, label, &m->places);
    if (!m->places.count && !all->unknown)
        all->unknown = m->label;
    if (m->places.count)
        all->bias =
            proc_auxiliary(thread->process->pid, all->space->word_size, AT_ENTRY) - m->places.entry;
    for (uint32_t i = 0; i < m->places.count; i++)
        set_point(t, thread->tid, m->places.places[i].at + all->bias);
}

void moments_begin(struct ptracer *t, struct tracee *thread)
{
    char path[PATH_MAX], *rest = NULL;
    if (!t->wants_resident || t->moments)
        return;
    t->moments = memory_get(sizeof *t->moments);
    t->moments->space = thread->process->space;
    resident_record(t->recorder, thread, PMT_MOMENT_START, "");
    proc_program(thread->process->pid, path);
    char *names = memory_text(t->moment_names ? t->moment_names : "");
    for (char *name = strtok_r(names, ",", &rest); name && t->moments->count < MOMENTS_MOST;
         name = strtok_r(NULL, ",", &rest))
        add(t, thread, path, name);
    memory_put(names);
}

/* ---- at a breakpoint ---- */

static const struct moment_place *place_at(const struct moments *all, const struct moment *m,
                                           uint64_t address)
{
    for (uint32_t i = 0; i < m->places.count; i++)
        if (m->places.places[i].at + all->bias == address)
            return &m->places.places[i];
    return NULL;
}

static void release(struct ptracer *t, pid_t tid, const uint64_t *addresses, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        points_release(&t->points, tid, addresses[i] + t->moments->bias);
}

static void begin(struct ptracer *t, struct moment *m, const struct tracee *thread,
                  const struct moment_place *place, const struct user_regs_struct *regs)
{
    const struct moments *all = t->moments;
    const unsigned word = all->space->word_size;
    struct where_frame frame = {.regs = *regs, .bias = all->bias};
    m->state = INSIDE;
    m->tid = thread->tid;
    resident_record(t->recorder, thread, PMT_MOMENT_BEFORE, m->label);
    for (uint32_t i = 0; i < m->places.count; i++)
        release(t, thread->tid, &m->places.places[i].at, 1);
    if (place->is_function) {
        m->cfa = where_address(thread, &place->frame, &frame);
        m->return_to = m->cfa ? mem_read_word(thread->tid, m->cfa - word, word) : 0;
        if (m->return_to)
            set_point(t, thread->tid, m->return_to);
        return;
    }
    m->cfa = regs->rsp;
    for (uint32_t i = 0; i < m->places.next_count; i++)
        set_point(t, thread->tid, m->places.next[i] + all->bias);
}

/* What the line calls may come to the same statements, further down the stack. */
static bool is_next(const struct moments *all, const struct moment *m, uint64_t address)
{
    for (uint32_t i = 0; i < m->places.next_count; i++)
        if (m->places.next[i] + all->bias == address)
            return true;
    return false;
}

static void end(struct ptracer *t, struct moment *m, const struct tracee *thread, uint64_t address,
                const struct user_regs_struct *regs)
{
    bool returns = m->return_to && address == m->return_to;
    bool goes_on = !m->return_to && is_next(t->moments, m, address);
    if (thread->tid != m->tid || regs->rsp < m->cfa || (!returns && !goes_on))
        return;
    m->state = BEHIND;
    resident_record(t->recorder, thread, PMT_MOMENT_AFTER, m->label);
    if (returns)
        points_release(&t->points, thread->tid, m->return_to);
    else
        release(t, thread->tid, m->places.next, m->places.next_count);
}

void moments_at(struct ptracer *t, struct tracee *thread, uint64_t address,
                const struct user_regs_struct *regs)
{
    struct moments *all = t->moments;
    if (!all || all->space != thread->process->space)
        return;
    for (size_t i = 0; i < all->count; i++) {
        struct moment *m = &all->items[i];
        const struct moment_place *place = place_at(all, m, address);
        if (m->state == INSIDE)
            end(t, m, thread, address, regs);
        else if (m->state == AHEAD && place)
            begin(t, m, thread, place, regs);
    }
}

/* ---- the end ---- */

void moments_end(struct ptracer *t, const struct space *space, struct tracee *thread)
{
    if (!t->moments || t->moments->space != space)
        return;
    resident_record(t->recorder, thread, PMT_MOMENT_EXIT, "");
    t->moments->space = NULL;
}

const char *moments_unknown(const struct moments *all)
{
    return all ? all->unknown : NULL;
}

void moments_free(struct moments *all)
{
    for (size_t i = 0; all && i < all->count; i++)
        memory_put(all->items[i].label);
    memory_put(all);
}
