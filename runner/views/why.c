#include "runner/views/why.h"
#include "runner/base/text.h"
#include "runner/model/own_region.h"
#include "runner/views/caller.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct sentence {
    const struct model *model;
    const struct change *change;
    char *out;
    size_t size;
};

#define SAY(s, ...) ((void)snprintf((s)->out, (s)->size, __VA_ARGS__))

static void heap_moved(const struct sentence *s)
{
    const struct cause *c = &s->change->cause;
    char size[TEXT_SIZE];
    uint64_t bytes = (uint64_t)(s->change->delta < 0 ? -s->change->delta : s->change->delta);
    text_size(size, bytes);
    if (c->code == PMT_CALL_FREE)
        return SAY(
            s,
            "more than the trim threshold was free at the end of the heap: free lowered its end "
            "by %s",
            size);
    if (s->change->type == CHANGE_ADDED && call_allocates(c->code))
        return SAY(
            s,
            "the first block: %s made the heap, by moving the program break up by %s, to have "
            "some in reserve",
            cause_name(c), size);
    if (call_allocates(c->code) && s->change->delta > 0 && bytes <= s->model->image->page_size)
        return SAY(s,
                   "a little more, so that blocks are aligned and the end lies on a page border");
    if (call_allocates(c->code))
        return SAY(s, "no free block in the heap was large enough: %s moved its end %s by %s",
                   cause_name(c), s->change->delta < 0 ? "down" : "up", size);
    return SAY(s, "the program moved the end of its heap %s by %s",
               s->change->delta < 0 ? "down" : "up", size);
}

static void block_mapped(const struct sentence *s)
{
    const struct cause *c = &s->change->cause;
    char size[TEXT_SIZE];
    text_size(size, s->model->image->mmap_threshold);
    if (own_region_is_due(s->model->image, c->size))
        return SAY(s,
                   "%" PRIu64
                   " bytes reach the mmap threshold (%s): the block gets a region of its own",
                   c->size, size);
    SAY(s, "%s got more memory by mmap", cause_name(c));
}

static void of_allocator(const struct sentence *s)
{
    const struct change *ch = s->change;
    const struct region *r = change_region(ch);
    if (ch->cause.kernel == PMT_CALL_BRK || r->kind == KIND_HEAP)
        return heap_moved(s);
    if (r->kind == KIND_MALLOC_ARENA)
        return SAY(
            s, "malloc keeps an arena for further threads: address space is reserved at once, and "
               "made usable as it is needed");
    if (ch->cause.code == PMT_CALL_FREE)
        return SAY(s, "the block had a region of its own: free gives it back at once");
    if (ch->cause.kernel == PMT_CALL_MREMAP)
        return SAY(s,
                   "the block has a region of its own: realloc lets the kernel resize or move it, "
                   "without copying");
    if (ch->type == CHANGE_REMOVED)
        return SAY(s, "%s gave memory back", cause_name(&ch->cause));
    block_mapped(s);
}

static void of_protection(const struct sentence *s)
{
    char before[5] = "", after[5] = "";
    const struct change *ch = s->change;
    if (ch->type == CHANGE_SPLIT)
        return SAY(
            s,
            "part of the region got other permissions, and a region has one set of permissions: "
            "it is now %zu regions",
            ch->parts.count);
    if (ch->type == CHANGE_MERGED)
        return SAY(s, "neighbours with the same permissions and backing become one region again");
    if (!ch->before || !ch->after)
        return;
    names_perms(before, ch->before->raw.perms);
    names_perms(after, ch->after->raw.perms);
    if (strcmp(before, after) != 0)
        SAY(s, "permissions changed from %s to %s", before, after);
    else
        SAY(s, "a border between permissions moved");
}

/* MAP_FIXED: what was there goes without a word. */
static void of_replacing(const struct sentence *s)
{
    const struct change *ch = s->change;
    if (ch->type == CHANGE_SPLIT)
        return SAY(s, "a new mapping takes the place of a part of it: it is now %zu regions",
                   ch->parts.count);
    if (ch->type == CHANGE_SHRUNK)
        return SAY(s, "a new mapping takes the place of a part of it");
    SAY(s, "a new mapping takes its place");
}

static void of_mapping(const struct sentence *s)
{
    const struct change *ch = s->change;
    const struct region *r = change_region(ch);
    if (ch->type == CHANGE_SPLIT || ch->type == CHANGE_SHRUNK || ch->type == CHANGE_REMOVED)
        return of_replacing(s);
    if (r->kind == KIND_THREAD_STACK && ch->type == CHANGE_GROWN)
        return SAY(
            s,
            "the new thread's stack, for a moment one region with the guard page of an older one");
    if (ch->type == CHANGE_GROWN || ch->type == CHANGE_MERGED)
        return SAY(
            s, "the new pages are next to a region of the same kind: the kernel made one of them");
    if (r->kind == KIND_GUARD)
        return SAY(s, "no access: an overflow of the stack above it is caught here");
    if (r->kind == KIND_THREAD_STACK && ch->cause.code == PMT_CALL_PTHREAD_CREATE)
        return SAY(s, "every thread needs a stack of its own");
    if (r->kind == KIND_THREAD_STACK)
        return SAY(s, "a stack for the child process, until it has executed its program");
    if (r->kind == KIND_SHARED_MEMORY)
        return SAY(s, "memory that can be shared with other processes");
    if (r->path[0] == '/')
        return SAY(s, "the contents of a file appear in memory");
    SAY(s, "anonymous memory: no file behind it, filled with zeros");
}

static void of_unmapping(const struct sentence *s)
{
    const struct change *ch = s->change;
    if (ch->type == CHANGE_SPLIT)
        return SAY(s, "a part from the middle was unmapped: what is left are %zu regions",
                   ch->parts.count);
    if (ch->type == CHANGE_SHRUNK)
        return SAY(s, "a part of the region was unmapped");
    SAY(s, "unmapped");
}

static void of_kernel(const struct sentence *s)
{
    unsigned call = s->change->cause.kernel ? s->change->cause.kernel : s->change->cause.code;
    switch (call) {
    case PMT_CALL_BRK:
    case PMT_CALL_SBRK:
        return heap_moved(s);
    case PMT_CALL_MMAP:
    case PMT_CALL_MMAP2:
    case PMT_CALL_SHMAT:
    case PMT_CALL_PTHREAD_CREATE:
        return of_mapping(s);
    case PMT_CALL_MUNMAP:
    case PMT_CALL_SHMDT:
        return of_unmapping(s);
    case PMT_CALL_MPROTECT:
    case PMT_CALL_PKEY_MPROTECT:
        return of_protection(s);
    case PMT_CALL_MREMAP:
        if (s->change->type == CHANGE_ADDED)
            return SAY(s, "here are the pages now, and those that the region grew by");
        if (s->change->type == CHANGE_MOVED ||
            s->change->cause.result != (int64_t)s->change->cause.args[0])
            return SAY(
                s, "there was no room to resize it in place: the kernel moved the pages, without "
                   "copying");
        return SAY(s, "the kernel resized the region in place");
    case PMT_CALL_MADVISE:
    case PMT_CALL_MLOCK:
    case PMT_CALL_MLOCK2:
    case PMT_CALL_MUNLOCK:
    case PMT_CALL_MLOCKALL:
    case PMT_CALL_MUNLOCKALL:
        return SAY(s, "the kernel keeps one set of flags for each region: different flags, "
                      "different regions");
    }
    SAY(s, "%s changed the map", names_call(call));
}

/* ---- the dynamic loader at work, seen call by call ---- */

/* How it maps a library, elf/dl-map-segments.h of glibc: all of the file at once, to have a place
 * for it, then its parts over that. */
static const char *segment(const struct region *r, enum change_type type)
{
    if (r->kind == KIND_LIB_BSS)
        return "the library's variables that begin as zero: no file is needed for these (.bss)";
    if (r->kind == KIND_LIB_CODE)
        return "the library's code: may be executed, but not written";
    if (r->kind == KIND_LIB_DATA)
        return "the library's variables: pages that are written become this process's own";
    if (r->kind != KIND_LIB_RODATA)
        return NULL;
    return type == CHANGE_ADDED
               ? "the dynamic loader loads the library: a place for all of it first, then its "
                 "code and its variables within"
               : "the library's constants: may only be read";
}

static void of_loader(const struct sentence *s)
{
    static const char list[] = "/etc/ld.so.cache";
    const struct change *ch = s->change;
    const struct region *r = change_region(ch);
    bool mapped = cause_maps(&ch->cause);
    bool protects = ch->cause.kernel == PMT_CALL_MPROTECT && ch->type == CHANGE_PROTECTION;
    bool appears = ch->type == CHANGE_ADDED || ch->type == CHANGE_PROTECTION;
    const char *part = mapped && appears ? segment(r, ch->type) : NULL;
    if (part)
        SAY(s, "%s", part);
    else if (mapped && appears && strcmp(r->path, list) == 0)
        SAY(s, "the dynamic loader looks up where the libraries are (ldconfig(8))");
    else if (mapped && appears && !r->path[0])
        SAY(s, "memory for the dynamic loader's own notes and for thread-local variables");
    else if (protects && !(r->raw.perms & (PMT_PERM_WRITE | PMT_PERM_EXEC)))
        SAY(s, "the dynamic loader has filled in addresses here, which nobody is to change from "
               "now on (RELRO)");
    else if (ch->cause.kernel == PMT_CALL_MUNMAP && strcmp(r->path, list) == 0)
        SAY(s, "all libraries are found");
    else if (ch->cause.kernel == PMT_CALL_MUNMAP && ch->type == CHANGE_REMOVED &&
             r->kind >= KIND_LIB_CODE && r->kind <= KIND_LIB_BSS)
        SAY(s, "the dynamic loader unloads the library");
}

static void of_look(const struct sentence *s)
{
    const struct cause *c = &s->change->cause;
    switch (c->kind) {
    case CAUSE_PAGE_FAULT:
        return SAY(
            s,
            "the program used more stack than was mapped: each first touch of a page below it is "
            "a page fault, and the kernel extends the region");
    case CAUSE_LOADER:
        if (c->code == PMT_CALL_DLCLOSE)
            return SAY(s, "the dynamic loader unloaded a library");
        if (c->code != PMT_CALL_DLOPEN && c->code != PMT_CALL_DLMOPEN)
            return SAY(
                s, "the dynamic loader mapped or unmapped a library on behalf of the C library");
        return SAY(s, "the dynamic loader mapped the library and what it depends on");
    case CAUSE_TRACER:
        return SAY(s, "procmap-trace's own memory");
    case CAUSE_OVERLOOKED:
        return SAY(s, "the map could not be looked at for a while; this happened meanwhile");
    default:
        return SAY(
            s, "no call that procmap-trace sees made this change (a system call that does not go "
               "through libc?)");
    }
}

void why_text(const struct model *model, const struct change *change, char *out, size_t size)
{
    struct sentence s = {model, change, out, size};
    const struct cause *c = &change->cause;
    out[0] = '\0';
    if (c->kernel && caller_is_loader(model, c->stack_id))
        of_loader(&s);
    if (out[0])
        return;
    if (c->kernel == PMT_CALL_NONE && c->kind != CAUSE_CALL)
        of_look(&s);
    else if (call_allocates(c->code))
        of_allocator(&s);
    else
        of_kernel(&s);
    if (!out[0])
        SAY(&s, "%s changed the map", c->kernel ? names_call(c->kernel) : cause_name(c));
}
