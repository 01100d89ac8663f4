#include "runner/model/reasons_map.h"
#include <string.h>
#include <sys/mman.h>

static enum reason_code of_break(const struct change *ch)
{
    return ch->delta < 0 ? REASON_BREAK_DOWN : REASON_BREAK_UP;
}

static bool starts_child(const struct cause *c)
{
    return c->code >= PMT_CALL_SYSTEM && c->code <= PMT_CALL_POSIX_SPAWNP;
}

static enum reason_code of_new_region(const struct change *ch)
{
    const struct region *r = change_region(ch);
    if (r->kind == KIND_GUARD)
        return REASON_GUARD_MAPPED;
    if (r->kind == KIND_THREAD_STACK)
        return ch->cause.code == PMT_CALL_PTHREAD_CREATE ? REASON_THREAD_STACK
               : starts_child(&ch->cause)                ? REASON_CHILD_STACK
                                                         : REASON_STACK_MAPPED;
    if (r->kind == KIND_SHARED_MEMORY)
        return REASON_SHARED_MAPPED;
    if (r->path[0] == '/')
        return REASON_FILE_MAPPED;
    return region_is_closed(r) ? REASON_CLOSED_MAPPED : REASON_ANONYMOUS_MAPPED;
}

/* MAP_FIXED: what was there goes without a word. */
static enum reason_code of_mapping(const struct change *ch)
{
    switch (ch->type) {
    case CHANGE_SPLIT:
        return REASON_REPLACED_MIDDLE;
    case CHANGE_SHRUNK:
        return REASON_REPLACED_PART;
    case CHANGE_REMOVED:
        return REASON_REPLACED;
    case CHANGE_GROWN:
    case CHANGE_MERGED:
        return change_region(ch)->kind == KIND_THREAD_STACK &&
                       ch->cause.code == PMT_CALL_PTHREAD_CREATE
                   ? REASON_THREAD_STACK_JOINED
                   : REASON_JOINED;
    default:
        return of_new_region(ch);
    }
}

static enum reason_code of_unmapping(const struct change *ch)
{
    if (ch->type == CHANGE_SPLIT)
        return REASON_UNMAPPED_MIDDLE;
    return ch->type == CHANGE_SHRUNK ? REASON_UNMAPPED_PART : REASON_UNMAPPED;
}

static enum reason_code of_protection(const struct change *ch)
{
    if (ch->type == CHANGE_SPLIT)
        return REASON_PROTECTED_PART;
    if (ch->type == CHANGE_MERGED)
        return REASON_PROTECTED_ALIKE;
    if (!ch->before || !ch->after)
        return REASON_CALL;
    return ch->before->raw.perms == ch->after->raw.perms ? REASON_BORDER_MOVED : REASON_PROTECTED;
}

static enum reason_code of_remapping(const struct change *ch)
{
    const uint64_t *args = ch->cause.args;
    uint64_t to = (uint64_t)ch->cause.result;
    if (args[3] & MREMAP_DONTUNMAP)
        return REASON_REMAPPED_EMPTIED;
    if (!args[1])
        return REASON_REMAPPED_TWICE;
    if (args[3] & MREMAP_FIXED)
        return REASON_REMAPPED_FIXED;
    return to == args[0] ? REASON_REMAPPED_IN_PLACE : REASON_REMAPPED_MOVED;
}

enum reason_code reasons_map(const struct change *ch)
{
    switch (ch->cause.kernel ? ch->cause.kernel : ch->cause.code) {
    case PMT_CALL_BRK:
    case PMT_CALL_SBRK:
        return of_break(ch);
    case PMT_CALL_MMAP:
    case PMT_CALL_MMAP2:
    case PMT_CALL_SHMAT:
    case PMT_CALL_PTHREAD_CREATE:
        return of_mapping(ch);
    case PMT_CALL_MUNMAP:
    case PMT_CALL_SHMDT:
        return of_unmapping(ch);
    case PMT_CALL_MPROTECT:
    case PMT_CALL_PKEY_MPROTECT:
        return of_protection(ch);
    case PMT_CALL_MREMAP:
        return ch->cause.kernel ? of_remapping(ch) : REASON_CALL;
    case PMT_CALL_MADVISE:
    case PMT_CALL_MLOCK:
    case PMT_CALL_MLOCK2:
    case PMT_CALL_MUNLOCK:
    case PMT_CALL_MLOCKALL:
    case PMT_CALL_MUNLOCKALL:
    case PMT_CALL_MBIND:
    case PMT_CALL_SET_MEMPOLICY_HOME_NODE:
    case PMT_CALL_MSEAL:
    case PMT_CALL_PROCESS_MADVISE:
        return REASON_FLAGS_CHANGED;
    default:
        return REASON_CALL;
    }
}
