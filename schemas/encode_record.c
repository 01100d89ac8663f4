#include "schemas/encode_record.h"
#include "schemas/encode_fatal.h"
#include "schemas/encode_stack_use.h"
#include "schemas/encode_unseen.h"
#include "schemas/glibc.h"
#include "schemas/mapcalls.h"
#include "schemas/names.h"
#include "schemas/number.h"
#include <string.h>

#define HEAD_ROOM 192u  /* of put_head(): 50 characters and 5 numbers */
#define ALLOC_ROOM 512u /* of put_alloc(): 130 more, 5 numbers and a name of at most 20 */

static void key_errno(struct encoder *e, int error)
{
    const char *name = names_errno(error);
    if (name)
        return encode_key_chars(e, ",\"errno\":", name);
    encode_literal(e, ",\"errno\":\"");
    encode_signed(e, error);
    encode_literal(e, "\"");
}

static void key_stack(struct encoder *e, const struct pmt_record *r)
{
    if (r->stack_id)
        encode_key_unsigned(e, ",\"stack_id\":", r->stack_id);
}

static bool call_has_size(unsigned call)
{
    return (call_allocates(call) && call != PMT_CALL_FREE) || call == PMT_CALL_MMAP ||
           call == PMT_CALL_MREMAP || call == PMT_CALL_MUNMAP || call == PMT_CALL_MPROTECT;
}

static void key_within(struct encoder *e, const struct pmt_within *w, const char *name)
{
    if (!w->call)
        return;
    encode_key_chars(e, ",\"within\":{\"call\":", names_call(w->call));
    if (call_has_size(w->call))
        encode_key_unsigned(e, ",\"size\":", w->size);
    if (w->name_size)
        encode_key_string(e, ",\"name\":", name, w->name_size);
    if (w->by_loader)
        encode_literal(e, ",\"by_loader\":true");
    encode_literal(e, "}");
}

static char *put_name(char *at, const char *name)
{
    while (*name)
        *at++ = *name++;
    return at;
}

static char *put_call(char *at, unsigned call)
{
    at = PUT(at, ",\"call\":\"");
    if (call == PMT_CALL_MALLOC)
        return PUT(at, "malloc\"");
    if (call == PMT_CALL_FREE)
        return PUT(at, "free\"");
    return PUT(put_name(at, names_call(call)), "\"");
}

static char *put_placement(char *at, const struct pmt_alloc *a, unsigned word_size)
{
    at = PUT(at, ",\"placement\":\"");
    if (a->chunk == 0)
        return PUT(at, "unknown\"");
    at = a->chunk & PMT_CHUNK_MMAPPED          ? PUT(at, "mmap")
         : a->chunk & PMT_CHUNK_NON_MAIN_ARENA ? PUT(at, "arena")
                                               : PUT(at, "heap");
    return put_unsigned(PUT(at, "\",\"usable\":"), glibc_usable(a->chunk, word_size));
}

/* What only a whole record has. */
static char *put_rare(char *at, const struct pmt_alloc *a, const struct encode_context *c)
{
    if (a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY) {
        at = put_address(PUT(at, ",\"old_addr\":"), a->old_addr);
        at = put_unsigned(PUT(at, ",\"began_ns\":"), c->began_ns);
    }
    if (a->alignment)
        at = put_unsigned(PUT(at, ",\"alignment\":"), a->alignment);
    return at;
}

/* What every event begins with, after its type. */
static char *put_head(char *at, const struct pmt_record *r, const struct encode_context *c)
{
    at = put_unsigned(PUT(at, "\",\"seq\":"), c->seq);
    at = put_unsigned(PUT(at, ",\"t_ns\":"), c->t_ns);
    at = put_unsigned(PUT(at, ",\"pid\":"), c->pid);
    at = put_unsigned(PUT(at, ",\"image\":"), c->image);
    return put_unsigned(PUT(at, ",\"tid\":"), r->tid);
}

/* The line of an allocator call without its end: of nearly all events, so without a look at the
 * room for each part; ALLOC_ROOM is more than all of them together. */
static char *put_alloc(char *at, const struct pmt_alloc *a, const struct encode_context *c)
{
    bool whole = pmt_record_size(&a->r) >= sizeof *a;
    at = put_head(PUT(at, "{\"type\":\"alloc"), &a->r, c);
    at = put_call(at, a->r.call);
    if (a->r.call != PMT_CALL_FREE)
        at = put_unsigned(PUT(at, ",\"size\":"), a->size);
    at = PUT(at, ",\"addr\":");
    at = a->addr ? put_address(at, a->addr) : PUT(at, "null");
    if (whole)
        at = put_rare(at, a, c);
    return a->addr ? put_placement(at, a, c->word_size) : at;
}

static void encode_alloc(struct encoder *e, const struct encode_context *c,
                         const struct pmt_alloc *a)
{
    char line[ALLOC_ROOM];
    if (encode_has_room(e, ALLOC_ROOM))
        e->at = put_alloc(e->at, a, c);
    else
        encode_raw(e, line, (size_t)(put_alloc(line, a, c) - line));
    if (pmt_record_size(&a->r) >= sizeof *a && a->error)
        key_errno(e, (int)a->error);
    key_stack(e, &a->r);
    if (c->alloc_extra)
        c->alloc_extra(e, c->arg, a);
}

static void encode_kernel(struct encoder *e, const struct pmt_kernel *k)
{
    encode_key_chars(e, ",\"call\":", names_call(k->r.call));
    encode_literal(e, ",\"args\":[");
    for (unsigned i = 0; i < mapcalls_argument_count(k->r.call); i++) {
        if (i)
            encode_literal(e, ",");
        encode_address(e, k->args[i]);
    }
    encode_literal(e, "]");
    if (k->r.call == PMT_CALL_BRK)
        encode_key_address(e, ",\"old_brk\":", k->old_brk);
    if (k->result < 0 && k->result > -4096)
        key_errno(e, (int)-k->result);
    else
        encode_key_address(e, ",\"result\":", (uint64_t)k->result);
    key_within(e, &k->within, (const char *)(k + 1));
    key_stack(e, &k->r);
}

void encode_record_region(struct encoder *e, const struct pmt_region *g, const char *path)
{
    char perms[4];
    names_perms(perms, g->perms);
    encode_key_address(e, "{\"start\":", g->start);
    encode_key_address(e, ",\"end\":", g->end);
    encode_key_unsigned(e, ",\"size\":", g->end - g->start);
    encode_key_string(e, ",\"perms\":", perms, sizeof perms);
    encode_key_unsigned(e, ",\"offset\":", g->offset);
    encode_key_unsigned(e, ",\"dev_major\":", g->dev_major);
    encode_key_unsigned(e, ",\"dev_minor\":", g->dev_minor);
    encode_key_unsigned(e, ",\"inode\":", g->inode);
    encode_key_string(e, ",\"path\":", path, g->path_size);
}

static void encode_snapshot(struct encoder *e, const struct encode_context *c,
                            const struct pmt_snapshot *s)
{
    encode_key_chars(e, ",\"reason\":", names_reason(s->r.call));
    encode_key_address(e, ",\"lo\":", s->lo);
    encode_key_address(e, ",\"hi\":", s->hi);
    encode_chars(e, s->flags & PMT_SNAPSHOT_WHOLE ? ",\"whole\":true" : ",\"whole\":false");
    encode_chars(e, s->flags & PMT_SNAPSHOT_LAST ? ",\"last\":true" : ",\"last\":false");
    key_within(e, &s->within, (const char *)(s + 1));
    key_stack(e, &s->r);
    encode_literal(e, ",\"regions\":[");
    const char *at = (const char *)(s + 1) + pmt_align(s->within.name_size);
    for (uint32_t i = 0; i < s->regions; i++) {
        const struct pmt_region *g = (const void *)at;
        if (i)
            encode_literal(e, ",");
        encode_record_region(e, g, (const char *)(g + 1));
        if (c->region_extra)
            c->region_extra(e, c->arg, g, (const char *)(g + 1));
        encode_literal(e, "}");
        at += sizeof *g + pmt_align(g->path_size);
    }
    encode_literal(e, "]");
}

static void encode_stack(struct encoder *e, const struct encode_context *c,
                         const struct pmt_stack *s)
{
    encode_key_unsigned(e, ",\"id\":", s->r.stack_id);
    encode_literal(e, ",\"frames\":[");
    for (uint32_t i = 0; i < s->frames; i++) {
        encode_key_address(e, i ? ",{\"ip\":" : "{\"ip\":", s->ip[i]);
        if (c->frame_extra)
            c->frame_extra(e, c->arg, s, i);
        encode_literal(e, "}");
    }
    encode_literal(e, "]");
    if (s->cut)
        encode_literal(e, ",\"cut\":true");
}

static void encode_argv(struct encoder *e, const char *argv, uint32_t size)
{
    encode_literal(e, ",\"argv\":[");
    for (uint32_t i = 0; i < size;) {
        size_t length = strnlen(argv + i, size - i);
        if (i)
            encode_literal(e, ",");
        encode_string(e, argv + i, length);
        i += length + 1;
    }
    encode_literal(e, "]");
}

static void encode_process(struct encoder *e, const struct pmt_process *p)
{
    const char *exe = (const char *)(p + 1), *libc = exe + p->exe_size;
    encode_literal(e, ",\"schema\":1");
    encode_key_chars(e, ",\"origin\":", names_origin(p->origin));
    encode_key_unsigned(e, ",\"ppid\":", p->ppid);
    if (p->origin == PMT_ORIGIN_FORK)
        encode_key_unsigned(e, ",\"fork_id\":", p->fork_id);
    encode_key_string(e, ",\"exe\":", exe, p->exe_size);
    encode_argv(e, libc + p->libc_size, p->argv_size);
    encode_key_unsigned(e, ",\"class\":", p->word_size * 8u);
    encode_chars(e, p->word_size == 4 ? ",\"machine\":\"i386\"" : ",\"machine\":\"x86-64\"");
    encode_chars(e, p->statically_linked ? ",\"linking\":\"static\"" : ",\"linking\":\"dynamic\"");
    encode_chars(e, p->pie ? ",\"pie\":true" : ",\"pie\":false");
    encode_key_string(e, ",\"libc\":", libc, p->libc_size);
    if (p->allocator_size)
        encode_key_string(e, ",\"allocator\":", libc + p->libc_size + p->argv_size,
                          p->allocator_size);
    encode_key_unsigned(e, ",\"page_size\":", p->page_size);
    encode_key_chars(e, ",\"backend\":", names_backend(p->backend));
    encode_chars(e, p->blind ? ",\"allocator_calls\":\"unseen\"" : ",\"allocator_calls\":\"seen\"");
    encode_chars(e, p->query ? ",\"snapshots\":\"query\"" : ",\"snapshots\":\"text\"");
    if (p->mmap_threshold) {
        encode_key_unsigned(e, ",\"thresholds\":{\"mmap\":", p->mmap_threshold);
        encode_key_unsigned(e, ",\"mmap_max\":", p->mmap_threshold_max);
        encode_key_unsigned(e, ",\"trim\":", p->trim_threshold);
        encode_chars(e, p->dynamic_threshold ? ",\"dynamic\":true}" : ",\"dynamic\":false}");
    } else {
        encode_literal(e, ",\"thresholds\":null");
    }
    encode_key_address(e, ",\"brk\":", p->brk);
    encode_key_address(e, ",\"stack_end\":", p->stack_end);
    encode_key_address(e, ",\"tracer\":[", p->tracer[0]);
    encode_key_address(e, ",", p->tracer[1]);
    encode_key_address(e, ",", p->tracer[2]);
    encode_key_unsigned(e, "],\"wall_time_ns\":", p->wall_time);
}

static void encode_mallopt(struct encoder *e, const struct pmt_mallopt *m)
{
    encode_literal(e, ",\"param\":");
    encode_signed(e, m->param);
    encode_literal(e, ",\"value\":");
    encode_signed(e, m->value);
    encode_literal(e, ",\"result\":");
    encode_signed(e, m->result);
    key_stack(e, &m->r);
}

static void encode_exec(struct encoder *e, const struct pmt_exec *x)
{
    encode_key_string(e, ",\"path\":", (const char *)(x + 1), x->path_size);
    if (x->error)
        key_errno(e, x->error);
}

static void encode_thread(struct encoder *e, const struct encode_context *c,
                          const struct pmt_thread *t)
{
    encode_key_chars(e, ",\"event\":", names_thread_event(t->event));
    if (t->event == PMT_THREAD_START) {
        encode_key_unsigned(e, ",\"creator\":", t->creator);
        if (t->stack) {
            encode_key_address(e, ",\"stack\":{\"address\":", t->stack);
            if (c->thread_extra)
                c->thread_extra(e, c->arg, t);
            encode_literal(e, "}");
        }
    }
    key_stack(e, &t->r);
}

static void encode_fork(struct encoder *e, const struct pmt_fork *f)
{
    encode_key_chars(e, ",\"call\":", names_call(f->r.call));
    encode_key_unsigned(e, ",\"fork_id\":", f->fork_id);
    key_stack(e, &f->r);
}

static void encode_forbids(struct encoder *e, const struct pmt_forbids *f)
{
    encode_key_chars(e, ",\"what\":", names_forbidden(f->r.call));
    key_stack(e, &f->r);
}

static void encode_exit(struct encoder *e, const struct encode_context *c, const struct pmt_exit *x)
{
    encode_key_chars(e, ",\"end\":", names_end(x->end));
    if (x->signal || x->end != PMT_END_EXIT) {
        encode_literal(e, ",\"status\":null");
    } else {
        encode_literal(e, ",\"status\":");
        encode_signed(e, x->status);
    }
    if (x->verified) {
        encode_key_unsigned(e, ",\"stacks\":{\"walks\":", x->walks[PMT_WALKS_CHECKED]);
        encode_key_unsigned(e, ",\"cut\":", x->walks[PMT_WALKS_CUT]);
        encode_key_unsigned(e, ",\"fell_back\":", x->walks[PMT_WALKS_FELL_BACK]);
        encode_key_unsigned(e, ",\"mismatches\":", x->walks[PMT_WALKS_MISMATCHED]);
        encode_literal(e, "}");
    }
    if (c->exit_extra)
        c->exit_extra(e, c->arg, x);
}

static void encode_body(struct encoder *e, const struct pmt_record *r,
                        const struct encode_context *c)
{
    switch (r->type) {
    case PMT_RECORD_PROCESS:
        return encode_process(e, (const struct pmt_process *)r);
    case PMT_RECORD_KERNEL:
        return encode_kernel(e, (const struct pmt_kernel *)r);
    case PMT_RECORD_SNAPSHOT:
        return encode_snapshot(e, c, (const struct pmt_snapshot *)r);
    case PMT_RECORD_STACK:
        return encode_stack(e, c, (const struct pmt_stack *)r);
    case PMT_RECORD_MALLOPT:
        return encode_mallopt(e, (const struct pmt_mallopt *)r);
    case PMT_RECORD_EXEC:
        return encode_exec(e, (const struct pmt_exec *)r);
    case PMT_RECORD_THREAD:
        return encode_thread(e, c, (const struct pmt_thread *)r);
    case PMT_RECORD_FORK:
        return encode_fork(e, (const struct pmt_fork *)r);
    case PMT_RECORD_UNFOLLOWED:
        return encode_unfollowed(e, (const struct pmt_unfollowed *)r);
    case PMT_RECORD_FORBIDDEN:
        return encode_forbids(e, (const struct pmt_forbids *)r);
    case PMT_RECORD_EXIT:
        return encode_exit(e, c, (const struct pmt_exit *)r);
    case PMT_RECORD_FATAL:
        encode_fatal(e, (const struct pmt_fatal *)r);
        key_stack(e, r);
        return c->fatal_extra ? c->fatal_extra(e, c->arg, (const struct pmt_fatal *)r) : (void)0;
    case PMT_RECORD_STACK_USE:
        encode_stack_use(e, (const struct pmt_stack_use *)r);
        return key_stack(e, r);
    case PMT_RECORD_UNSEEN:
        return encode_unseen(e, (const struct pmt_unseen *)r);
    case PMT_RECORD_RESIDENT:
        return c->resident ? c->resident(e, c->arg, (const struct pmt_resident *)r) : (void)0;
    case PMT_RECORD_VARIABLE:
        return c->variable ? c->variable(e, c->arg, (const struct pmt_variable *)r) : (void)0;
    case PMT_RECORD_LOSS:
        encode_key_chars(e, ",\"reason\":", names_loss(r->call));
        return encode_key_unsigned(e, ",\"count\":", ((const struct pmt_lost *)r)->count);
    }
}

/* Not inlined: `head` would lie on the program's stack as long as the body is encoded. */
static __attribute__((noinline)) void encode_head(struct encoder *e, const struct pmt_record *r,
                                                  const struct encode_context *c)
{
    char head[HEAD_ROOM];
    encode_literal(e, "{\"type\":\"");
    encode_chars(e, names_type(r->type));
    encode_raw(e, head, (size_t)(put_head(head, r, c) - head));
}

size_t encode_record(char *buffer, size_t size, const struct pmt_record *r,
                     const struct encode_context *c)
{
    struct encoder e;
    if (r->type == PMT_RECORD_NONE || r->type >= PMT_RECORD_TYPE_COUNT)
        return 0;
    encode_start(&e, buffer, size);
    if (r->type == PMT_RECORD_ALLOC) {
        encode_alloc(&e, c, (const struct pmt_alloc *)r);
    } else {
        encode_head(&e, r, c);
        encode_body(&e, r, c);
    }
    encode_literal(&e, "}\n");
    return e.full ? 0 : (size_t)(e.at - buffer);
}
