#include "runner/ptrace/where.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/ptrace/mem.h"
#include "runner/ptrace/points.h"
#include "runner/ptrace/proc.h"
#include "runner/ptrace/where_values.h"
#include "runner/symbols/symbols.h"
#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The first call of a function. */
struct call {
    uint32_t function; /* of the inventory */
    pid_t tid;
    uint64_t cfa, return_to; /* 0: not known */
    bool over;
};

struct where {
    struct space *space;
    struct inventory inventory;
    uint64_t bias;
    struct where_spot *spots; /* one an item */
    bool *told;               /* likewise */
    bool *wanted;
    struct call *calls;
    size_t call_count, call_room;
};

/* ---- what is told ---- */

static void copy(char **at, const char *text, uint16_t *size)
{
    *size = (uint16_t)strnlen(text, PMT_VARIABLE_NAME_MAX);
    memcpy(*at, text, *size);
    *at += *size;
}

static void tell(struct ptracer *t, const struct tracee *thread, uint32_t index)
{
    struct where *w = t->where;
    const struct inventory_item *item = &w->inventory.items[index];
    const struct where_spot *spot = &w->spots[index];
    bool inside = item->function != INVENTORY_NO_FUNCTION;
    const char *function = inside ? w->inventory.items[item->function].name : "";
    size_t room = 4u * PMT_VARIABLE_NAME_MAX + PMT_VARIABLE_TEXT_MAX;
    if (w->told[index] || !w->wanted[index])
        return;
    w->told[index] = true;
    pid_t tid = thread ? thread->tid : (pid_t)w->space->pid;
    struct pmt_variable *v = recorder_begin(t->recorder, (uint32_t)(sizeof *v + room),
                                            PMT_RECORD_VARIABLE, item->kind, tid, 0);
    v->addr = spot->addr;
    v->size = item->size;
    v->value = spot->value;
    v->line = item->line;
    v->place = spot->place;
    v->value_is = spot->value_is;
    v->time = spot->time;
    v->text_size = spot->text_size;
    char *at = (char *)(v + 1);
    copy(&at, item->name, &v->name_size);
    copy(&at, item->type, &v->type_size);
    copy(&at, function, &v->function_size);
    copy(&at, item->file, &v->file_size);
    memcpy(at, spot->text, spot->text_size);
    at += spot->text_size;
    v->r.units = (uint16_t)(pmt_align((uint32_t)(at - (char *)v)) / PMT_RECORD_ALIGN);
    memset(at, 0, pmt_record_size(&v->r) - (size_t)(at - (char *)v));
    recorder_send(t->recorder, w->space, 0);
}

static bool is_fixed(const struct inventory_item *item)
{
    return item->kind == PMT_VARIABLE_FUNCTION || item->place.way == INVENTORY_ADDRESS ||
           item->place.way == INVENTORY_THREAD || item->function == INVENTORY_NO_FUNCTION;
}

/* Its frame has not become another's since: longjmp(3) leaves frames without a word. */
static bool has_its_frame(const struct where *w, const struct tracee *thread,
                          const struct call *call)
{
    const unsigned word = w->space->word_size;
    return call->cfa && mem_read_word(thread->tid, call->cfa - word, word) == call->return_to;
}

/* Parameters and locals of a call that has returned, or of one that never will. */
static void end_call(struct ptracer *t, struct tracee *thread, struct call *call,
                     enum pmt_variable_time time)
{
    struct where *w = t->where;
    const struct inventory *all = &w->inventory;
    call->over = true;
    if (time != PMT_TIME_NEVER && !has_its_frame(w, thread, call))
        time = PMT_TIME_NEVER;
    for (uint32_t i = call->function + 1; i < all->count; i++) {
        if (all->items[i].function == INVENTORY_NO_FUNCTION)
            break;
        if (all->items[i].function != call->function || is_fixed(&all->items[i]))
            continue;
        if (time != PMT_TIME_NEVER && w->spots[i].place == PMT_PLACE_MEMORY)
            where_read(thread, &all->items[i], time, &w->spots[i]);
        tell(t, thread, i);
    }
}

/* ---- calls ---- */

static void find_variables(struct where *w, const struct tracee *thread, uint32_t function,
                           const struct where_frame *frame)
{
    const struct inventory *all = &w->inventory;
    for (uint32_t i = function + 1; i < all->count; i++) {
        const struct inventory_item *item = &all->items[i];
        if (item->function == INVENTORY_NO_FUNCTION)
            break;
        if (item->function != function || is_fixed(item))
            continue;
        w->spots[i] = where_find(thread, item, frame);
        if (item->kind == PMT_VARIABLE_PARAMETER && w->spots[i].place == PMT_PLACE_MEMORY)
            where_read(thread, item, PMT_TIME_CALL, &w->spots[i]);
    }
}

/* Where the allocator's breakpoints are there is no other. */
static void set_point(struct ptracer *t, pid_t tid, uint64_t address)
{
    if (!breakpoints_at(&t->where->space->breakpoints, address))
        points_set(&t->points, tid, address);
}

static void begin_call(struct ptracer *t, const struct tracee *thread, uint32_t function,
                       const struct user_regs_struct *regs)
{
    struct where *w = t->where;
    const unsigned word = w->space->word_size;
    struct where_frame frame = {.regs = *regs, .bias = w->bias};
    frame.cfa = where_address(thread, &w->inventory.items[function].frame, &frame);
    struct call call = {.function = function, .tid = thread->tid, .cfa = frame.cfa};
    find_variables(w, thread, function, &frame);
    call.return_to = frame.cfa ? mem_read_word(thread->tid, frame.cfa - word, word) : 0;
    if (call.return_to)
        set_point(t, thread->tid, call.return_to);
    *array_add(w->calls, w->call_count, w->call_room) = call;
}

/* All functions that begin here, of which there can be several names; none twice. */
static void begin_calls(struct ptracer *t, const struct tracee *thread, uint64_t address,
                        const struct user_regs_struct *regs)
{
    struct where *w = t->where;
    for (uint32_t i = 0; i < w->inventory.count; i++) {
        struct inventory_item *item = &w->inventory.items[i];
        if (item->kind != PMT_VARIABLE_FUNCTION || !item->entry || item->entry + w->bias != address)
            continue;
        item->entry = 0;
        points_release(&t->points, thread->tid, address);
        begin_call(t, thread, i, regs);
    }
}

/* The frames of calls that have returned are below the stack pointer. A recursion passes here with
 * frames further down. */
static void end_calls(struct ptracer *t, struct tracee *thread, uint64_t address,
                      const struct user_regs_struct *regs)
{
    struct where *w = t->where;
    for (size_t i = 0; i < w->call_count; i++) {
        struct call *call = &w->calls[i];
        if (call->over || call->return_to != address || call->tid != thread->tid ||
            regs->rsp < call->cfa)
            continue;
        end_call(t, thread, call, PMT_TIME_RETURN);
        points_release(&t->points, thread->tid, address);
    }
}

void where_at(struct ptracer *t, struct tracee *thread, uint64_t address,
              const struct user_regs_struct *regs)
{
    if (!t->where || t->where->space != thread->process->space)
        return;
    end_calls(t, thread, address, regs);
    begin_calls(t, thread, address, regs);
}

/* ---- life ---- */

static bool is_named(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += length) {
        bool begins = at == names || at[-1] == ',';
        if (begins && (at[length] == ',' || !at[length]))
            return true;
    }
    return false;
}

static void choose(struct where *w, const char *names)
{
    for (uint32_t i = 0; i < w->inventory.count; i++) {
        const struct inventory_item *item = &w->inventory.items[i];
        bool inside = item->function != INVENTORY_NO_FUNCTION;
        w->wanted[i] = !names || is_named(names, item->name) ||
                       (inside && is_named(names, w->inventory.items[item->function].name));
        if (inside)
            w->wanted[item->function] |= w->wanted[i];
    }
}

/* One point for each function with something to look at there. */
static void set_points(struct ptracer *t, pid_t tid)
{
    struct where *w = t->where;
    const struct inventory *all = &w->inventory;
    for (uint32_t i = 0; i + 1 < all->count; i++) {
        struct inventory_item *item = &all->items[i];
        if (item->kind != PMT_VARIABLE_FUNCTION)
            continue;
        bool has_any = false;
        for (uint32_t k = i + 1; k < all->count && !has_any; k++) {
            if (all->items[k].function == INVENTORY_NO_FUNCTION)
                break;
            has_any = all->items[k].function == i && w->wanted[k] && !is_fixed(&all->items[k]);
        }
        if (!has_any)
            item->entry = 0;
        if (item->entry)
            set_point(t, tid, item->entry + w->bias);
    }
}

void where_begin(struct ptracer *t, struct tracee *thread)
{
    const pid_t pid = thread->process->pid;
    char path[PATH_MAX];
    if (!t->wants_where || t->where)
        return;
    struct where *w = t->where = memory_get(sizeof *w);
    proc_program(pid, path);
    w->space = thread->process->space;
    if (!symbols_inventory(t->recorder->model->images.symbols, path, &w->inventory) ||
        !w->inventory.count)
        return;
    uint64_t entry = proc_auxiliary(pid, w->space->word_size, AT_ENTRY);
    w->bias = entry - w->inventory.entry;
    w->spots = memory_get(w->inventory.count * sizeof *w->spots);
    w->told = memory_get(w->inventory.count * sizeof *w->told);
    w->wanted = memory_get(w->inventory.count * sizeof *w->wanted);
    choose(w, t->where_names);
    set_points(t, thread->tid);
}

/* Whether its frame is still that of the call. */
static bool is_inside(const struct tracee *thread, const struct call *call,
                      const struct where_frame *frame)
{
    return thread && thread->tid == call->tid && frame->regs.rsp < call->cfa;
}

void where_end(struct ptracer *t, const struct space *space, struct tracee *thread)
{
    struct where *w = t->where;
    struct where_frame frame = {.bias = w ? w->bias : 0};
    if (!w || w->space != space)
        return;
    if (thread)
        ptracer_ask(PTRACE_GETREGS, thread->tid, 0, (uintptr_t)&frame.regs);
    for (size_t i = 0; i < w->call_count; i++)
        if (!w->calls[i].over)
            end_call(t, thread, &w->calls[i],
                     is_inside(thread, &w->calls[i], &frame) ? PMT_TIME_EXIT : PMT_TIME_NEVER);
    for (uint32_t i = 0; i < w->inventory.count; i++) {
        const struct inventory_item *item = &w->inventory.items[i];
        struct where_spot *spot = &w->spots[i];
        if (w->told[i])
            continue;
        if (!is_fixed(item))
            spot->place = PMT_PLACE_UNCALLED;
        else if (thread)
            *spot = where_find(thread, item, &frame);
        else
            spot->place = PMT_PLACE_UNKNOWN;
        if (is_fixed(item) && thread)
            where_read(thread, item, PMT_TIME_EXIT, spot);
        tell(t, thread, i);
    }
    w->space = NULL;
}

void where_free(struct where *w)
{
    if (!w)
        return;
    inventory_free(&w->inventory);
    memory_put(w->spots);
    memory_put(w->told);
    memory_put(w->wanted);
    memory_put(w->calls);
    memory_put(w);
}
