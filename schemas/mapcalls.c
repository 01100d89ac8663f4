#include "schemas/mapcalls.h"
#include <linux/ipc.h>
#include <linux/shm.h>
#include <sys/mman.h>

#define PR_SET_VMA 0x53564d41 /* linux/prctl.h; older ones lack it */
#define DEFAULT_HUGE_SHIFT 21 /* of x86 */
#define NONE MAPCALLS_NO_NUMBER
#define OLD_MMAP 90
#define IPC 117
#define EXECVEAT_32 358
#define BLOCKS true

/* arch/x86/entry/syscalls/syscall_{32,64}.tbl of the kernel; <asm/unistd.h> has one ABI only. The
 * frequent ones come first. */
const struct mapcalls_row mapcalls_table[MAPCALLS_ROWS] = {
    {{45, 12, 12}, PMT_CALL_BRK, MAPCALLS_BRK, 1, false},
    {{192, NONE, NONE}, PMT_CALL_MMAP2, MAPCALLS_RESULT, 6, false},
    {{NONE, 9, 9}, PMT_CALL_MMAP, MAPCALLS_RESULT, 6, false},
    {{91, 11, 11}, PMT_CALL_MUNMAP, MAPCALLS_ARGS, 2, false},
    {{125, 10, 10}, PMT_CALL_MPROTECT, MAPCALLS_ARGS, 3, false},
    {{219, 28, 28}, PMT_CALL_MADVISE, MAPCALLS_ARGS, 3, false},
    {{163, 25, 25}, PMT_CALL_MREMAP, MAPCALLS_BOTH, 5, false},
    {{OLD_MMAP, NONE, NONE}, PMT_CALL_MMAP, MAPCALLS_RESULT, 6, false},
    {{380, 329, 329}, PMT_CALL_PKEY_MPROTECT, MAPCALLS_ARGS, 4, false},
    {{150, 149, 149}, PMT_CALL_MLOCK, MAPCALLS_ARGS, 2, BLOCKS},
    {{376, 325, 325}, PMT_CALL_MLOCK2, MAPCALLS_ARGS, 3, BLOCKS},
    {{151, 150, 150}, PMT_CALL_MUNLOCK, MAPCALLS_ARGS, 2, false},
    {{152, 151, 151}, PMT_CALL_MLOCKALL, MAPCALLS_ANYWHERE, 1, BLOCKS},
    {{153, 152, 152}, PMT_CALL_MUNLOCKALL, MAPCALLS_ANYWHERE, 0, false},
    {{257, 216, 216}, PMT_CALL_REMAP_FILE_PAGES, MAPCALLS_ARGS, 5, BLOCKS},
    {{397, 30, 30}, PMT_CALL_SHMAT, MAPCALLS_ATTACH, 3, false},
    {{398, 67, 67}, PMT_CALL_SHMDT, MAPCALLS_DETACH, 1, false},
    {{IPC, NONE, NONE}, PMT_CALL_SHMAT, MAPCALLS_ATTACH, 3, false},
    {{172, 157, 157}, PMT_CALL_PRCTL, MAPCALLS_NAMED, 5, false},
    {{274, 237, 237}, PMT_CALL_MBIND, MAPCALLS_ARGS, 6, false},
    {{450, 450, 450}, PMT_CALL_SET_MEMPOLICY_HOME_NODE, MAPCALLS_ARGS, 4, false},
    {{462, 462, 462}, PMT_CALL_MSEAL, MAPCALLS_ARGS, 3, false},
    {{245, 206, 543}, PMT_CALL_IO_SETUP, MAPCALLS_ANYWHERE, 2, false},
    {{246, 207, 207}, PMT_CALL_IO_DESTROY, MAPCALLS_ANYWHERE, 1, false},
    {{440, 440, 440}, PMT_CALL_PROCESS_MADVISE, MAPCALLS_ANYWHERE, 5, false},
    {{11, 59, 520}, PMT_CALL_NONE, MAPCALLS_EXEC, 6, false},
    {{EXECVEAT_32, 322, 545}, PMT_CALL_NONE, MAPCALLS_EXEC, 6, false},
};

/* Advice that changes a flag of the region, for which the kernel splits and merges regions; the
 * other kinds act on pages only (mm/madvise.c). */
static const uint32_t lasting_advice[] = {
    MADV_NORMAL,    MADV_RANDOM,      MADV_SEQUENTIAL, MADV_DONTFORK,   MADV_DOFORK,
    MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE,   MADV_NOHUGEPAGE, MADV_DONTDUMP,
    MADV_DODUMP,    MADV_WIPEONFORK,  MADV_KEEPONFORK,
};

static const uint32_t prctl_of_map[] = {PR_SET_VMA};

struct mapcalls_choice mapcalls_choice(unsigned call)
{
    if (call == PMT_CALL_MADVISE || call == PMT_CALL_PROCESS_MADVISE)
        return (struct mapcalls_choice){call == PMT_CALL_MADVISE ? 2 : 3, lasting_advice,
                                        sizeof lasting_advice / sizeof *lasting_advice};
    if (call == PMT_CALL_PRCTL)
        return (struct mapcalls_choice){0, prctl_of_map, 1};
    return (struct mapcalls_choice){0};
}

static bool changes_the_map(const struct mapcalls_call *c)
{
    struct mapcalls_choice choice = mapcalls_choice(c->call);
    for (size_t i = 0; i < choice.count; i++)
        if ((uint32_t)c->args[choice.argument] == choice.values[i])
            return true;
    return choice.count == 0;
}

static const struct mapcalls_row *find(enum mapcalls_abi abi, uint64_t nr)
{
    if (abi == MAPCALLS_X32)
        nr ^= MAPCALLS_X32_BIT;
    for (size_t i = 0; nr <= INT16_MAX && i < MAPCALLS_ROWS; i++)
        if ((int64_t)nr == mapcalls_table[i].nr[abi])
            return &mapcalls_table[i];
    return NULL;
}

/* ipc(2) is shmat and shmdt on i386: ipc(SHMAT, id, flags, &result, address). */
static void decode_ipc(struct mapcalls_call *c)
{
    const struct mapcalls_call ipc = *c;
    uint64_t kind = ipc.args[0] & 0xffff;
    *c = (struct mapcalls_call){.call = PMT_CALL_NONE};
    if (kind == SHMAT)
        *c = (struct mapcalls_call){.call = PMT_CALL_SHMAT,
                                    .effect = MAPCALLS_ATTACH,
                                    .args = {ipc.args[1], ipc.args[4], ipc.args[2]},
                                    .result_at = ipc.args[3]};
    if (kind == SHMDT)
        *c = (struct mapcalls_call){
            .call = PMT_CALL_SHMDT, .effect = MAPCALLS_DETACH, .args = {ipc.args[4]}};
}

static bool populates(const struct mapcalls_call *c)
{
    return (c->args[3] & (MAP_POPULATE | MAP_LOCKED)) != 0;
}

void mapcalls_decode(struct mapcalls_call *c, enum mapcalls_abi abi, uint64_t nr)
{
    static const struct mapcalls_row other = {.call = PMT_CALL_NONE};
    const struct mapcalls_row *found = find(abi, nr), *row = found ? found : &other;
    c->call = row->call;
    c->effect = row->effect;
    c->may_block = row->may_block;
    c->arguments_at = c->result_at = 0;
    for (int i = 0; abi == MAPCALLS_I386 && i < 6; i++)
        c->args[i] = (uint32_t)c->args[i];
    if (c->effect == MAPCALLS_EXEC && row->nr[MAPCALLS_I386] == EXECVEAT_32)
        c->args[0] = c->args[1]; /* the directory comes first */
    if (row->nr[MAPCALLS_I386] == IPC)
        decode_ipc(c);
    if (row->nr[MAPCALLS_I386] == OLD_MMAP)
        c->arguments_at = c->args[0];
    if (c->call == PMT_CALL_MMAP2)
        c->args[5] <<= 12;
    if (c->effect == MAPCALLS_RESULT)
        c->may_block = populates(c);
    if (!changes_the_map(c)) {
        c->effect = MAPCALLS_NOTHING;
        if (c->call == PMT_CALL_PRCTL) /* one of its many other subjects */
            c->call = PMT_CALL_NONE;
    }
}

void mapcalls_old_mmap(struct mapcalls_call *c, const uint32_t arguments[6])
{
    for (int i = 0; i < 6; i++)
        c->args[i] = arguments[i];
    c->may_block = populates(c);
}

unsigned mapcalls_argument_count(unsigned call)
{
    for (size_t i = 0; i < MAPCALLS_ROWS; i++)
        if (mapcalls_table[i].call == call)
            return mapcalls_table[i].arguments;
    return 6;
}

/* ---- after the call ---- */

static uint64_t page_up(uint64_t address, uint64_t page_size)
{
    return (address + page_size - 1) & ~(page_size - 1);
}

static struct mapcalls_range range(uint64_t from, uint64_t length, uint64_t page_size)
{
    return (struct mapcalls_range){from & ~(page_size - 1), page_up(from + length, page_size)};
}

static struct mapcalls_range brk_range(const struct mapcalls_outcome *o)
{
    uint64_t low = o->result < o->old_brk ? o->result : o->old_brk;
    uint64_t high = o->result < o->old_brk ? o->old_brk : o->result;
    if (page_up(low, o->page_size) == page_up(high, o->page_size))
        return (struct mapcalls_range){0, 0};
    return range(low, high - low, o->page_size);
}

static unsigned mremap_ranges(const uint64_t *a, const struct mapcalls_outcome *o,
                              struct mapcalls_range out[2])
{
    struct mapcalls_range from = range(a[0], a[1] ? a[1] : a[2], o->page_size);
    struct mapcalls_range to = range(o->failed ? a[4] : o->result, a[2], o->page_size);
    if (o->failed && !(a[3] & MREMAP_FIXED))
        to = from;
    bool apart = from.hi + o->page_size < to.lo || to.hi + o->page_size < from.lo;
    out[0] = from.lo < to.lo ? from : to;
    out[1] = from.lo < to.lo ? to : from;
    if (!apart)
        out[0].hi = from.hi > to.hi ? from.hi : to.hi;
    return apart && out[1].lo < out[1].hi ? 2 : 1;
}

/* Those who map huge pages get whole ones. */
static uint64_t mapped_length(const uint64_t *a)
{
    if (!(a[3] & MAP_HUGETLB))
        return a[1];
    unsigned shift = (unsigned)(a[3] >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
    return page_up(a[1], 1ull << (shift ? shift : DEFAULT_HUGE_SHIFT));
}

/* Fixed: what was there has gone, even where nothing has come in its place. */
static struct mapcalls_range mmap_range(const uint64_t *a, const struct mapcalls_outcome *o)
{
    if (o->failed && !(a[3] & MAP_FIXED))
        return (struct mapcalls_range){0, 0};
    return range(o->failed ? a[0] : o->result, mapped_length(a), o->page_size);
}

unsigned mapcalls_ranges(const struct mapcalls_call *c, const struct mapcalls_outcome *o,
                         struct mapcalls_range out[2])
{
    const uint64_t *a = c->args;
    switch (c->effect) {
    case MAPCALLS_BRK:
        out[0] = brk_range(o);
        break;
    case MAPCALLS_RESULT:
        out[0] = mmap_range(a, o);
        break;
    case MAPCALLS_ARGS:
        out[0] = range(a[0], a[1], o->page_size);
        break;
    case MAPCALLS_NAMED:
        out[0] = range(a[2], a[3], o->page_size);
        break;
    case MAPCALLS_ATTACH:
        out[0] = (struct mapcalls_range){o->result, o->failed ? o->result : o->region_end};
        break;
    case MAPCALLS_DETACH:
        out[0] = (struct mapcalls_range){a[0], o->failed ? a[0] : o->region_end};
        break;
    case MAPCALLS_BOTH:
        return mremap_ranges(a, o, out);
    default:
        return 0;
    }
    return out[0].lo < out[0].hi;
}

bool mapcalls_may_be_anywhere(const struct mapcalls_call *c, const struct mapcalls_outcome *o)
{
    if (o->failed && c->call == PMT_CALL_PROCESS_MADVISE) /* some of it, until a hole came */
        return c->effect == MAPCALLS_ANYWHERE;
    if (o->failed)
        return c->effect == MAPCALLS_ATTACH && (c->args[2] & SHM_REMAP);
    return c->effect == MAPCALLS_ANYWHERE || c->effect == MAPCALLS_ATTACH ||
           c->effect == MAPCALLS_DETACH;
}

enum mapcalls_effect mapcalls_effect(unsigned call)
{
    for (size_t i = 0; call && i < MAPCALLS_ROWS; i++)
        if (mapcalls_table[i].call == call)
            return (enum mapcalls_effect)mapcalls_table[i].effect;
    return MAPCALLS_NOTHING;
}

bool mapcalls_may_unmap(const struct mapcalls_call *c, const struct mapcalls_outcome *o)
{
    switch (c->call) {
    case PMT_CALL_BRK:
        return o->result < o->old_brk;
    case PMT_CALL_MMAP:
    case PMT_CALL_MMAP2:
        return c->args[3] & MAP_FIXED;
    case PMT_CALL_MUNMAP:
    case PMT_CALL_MREMAP:
    case PMT_CALL_MPROTECT:
    case PMT_CALL_PKEY_MPROTECT:
    case PMT_CALL_REMAP_FILE_PAGES:
    case PMT_CALL_SHMAT:
    case PMT_CALL_SHMDT:
    case PMT_CALL_IO_DESTROY:
        return true;
    default:
        return false;
    }
}
