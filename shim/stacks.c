#include "stacks.h"
#include "arch.h"
#include "emit.h"
#include "loader.h"
#include "memory.h"
#include "process.h"
#include "redirect.h"
#include "state.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#define FRAME_WORDS (256u << 10)
#define PROBES 64u

struct stacks_slot *stacks_slots;
static uintptr_t *words;
static uint32_t words_used = 1;

/* libunwind needs more stack than a signal stack may have: the walk runs on one of these. */
#define WALKERS 4u
#define WALKER_STACK (64u << 10)
static unsigned char *walker_stacks;
static uint32_t walkers_busy; /* a bit each */

static struct {
    int (*context)(unw_context_t *);
    int (*init)(unw_cursor_t *, unw_context_t *);
    int (*step)(unw_cursor_t *);
    int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
    unw_accessors_t *(*accessors)(unw_addr_space_t);
    unw_addr_space_t *space;
} unwinder;

bool stacks_init(void)
{
    stacks_slots = memory_private(STACKS_SLOTS * sizeof *stacks_slots);
    words = memory_private(FRAME_WORDS * sizeof *words);
    walker_stacks = memory_private(WALKERS * WALKER_STACK);
    return stacks_slots && words && walker_stacks;
}

#define WAIT_STEP_MS 1
#define WAIT_STEPS 200

static int try_take_walker(void)
{
    for (unsigned i = 0; i < WALKERS; i++)
        if (!(__atomic_fetch_or(&walkers_busy, 1u << i, __ATOMIC_ACQUIRE) & (1u << i)))
            return (int)i;
    return -1;
}

/* Waits while others walk, or fork; not for ever. */
static int take_walker(void)
{
    const uint32_t never = 0;
    int walker = try_take_walker();
    for (int step = 0; walker < 0 && step < WAIT_STEPS; step++) {
        sys_futex_wait((uint32_t *)&never, never, WAIT_STEP_MS);
        walker = try_take_walker();
    }
    return walker;
}

bool stacks_hold(void)
{
    uint32_t held = 0;
    for (unsigned i = 0; i < WALKERS; i++) {
        int walker = take_walker();
        if (walker < 0) {
            __atomic_fetch_and(&walkers_busy, ~held, __ATOMIC_RELEASE);
            return false;
        }
        held |= 1u << walker;
    }
    return true;
}

void stacks_go_on(bool held, bool in_child)
{
    if (in_child && !held)
        unwinder.step = NULL; /* its locks may be taken for ever */
    if (held || in_child)
        __atomic_store_n(&walkers_busy, 0, __ATOMIC_RELEASE);
}

/* libunwind tests whether memory can be read by writing a byte of it into a pipe of its own: a
 * descriptor in the program, and whatever has its number after the program has closed it. Instead
 * the kernel is made to read the byte as the argument of a call that fails. */
static bool is_readable(const void *address)
{
    const int no_such_way = -1; /* rt_sigprocmask(2) reads the set first, then says EINVAL */
    uintptr_t set = (uintptr_t)address & ~(uintptr_t)7; /* 0: it is not read */
    return set && sys4(__NR_rt_sigprocmask, no_such_way, set, NULL, 8) != -EFAULT;
}

/* libunwind's own reads without a test where its unwind data lead, and remembers for ever which
 * pages it has tested elsewhere; both lead into memory that is not there any more. */
static int read_memory(unw_addr_space_t space, unw_word_t address, unw_word_t *word, int write,
                       void *arg)
{
    (void)space, (void)arg;
    const unsigned char *bytes = (const void *)(uintptr_t)address;
    bool aligned = address % sizeof *word == 0;
    if (write || !is_readable(bytes) || (!aligned && !is_readable(bytes + sizeof *word - 1)))
        return -UNW_EINVAL;
    memcpy(word, bytes, sizeof *word);
    return 0;
}

static int no_pipe(int fds[2])
{
    fds[0] = fds[1] = -1;
    return -1;
}

static long instead_of_read(void)
{
    errno = EAGAIN;
    return -1;
}

static long instead_of_write(int fd, const void *bytes, size_t size)
{
    (void)fd;
    return is_readable(bytes) ? (long)size : -1;
}

static long instead_of_syscall(long number, int fd, const void *bytes, size_t size)
{
    if (number == __NR_write)
        return instead_of_write(fd, bytes, size);
    errno = ENOSYS;
    return -1;
}

static int instead_of_mincore(const void *address, size_t size, unsigned char *pages)
{
    (void)size;
    pages[0] = 1;
    return is_readable(address) ? 0 : -1;
}

/* Its own memory must not touch the program's regions. */
static void *instead_of_mmap(void *address, size_t size, int prot, int flags, int fd, long offset)
{
    (void)address, (void)prot, (void)fd, (void)offset;
    void *memory = flags & MAP_ANONYMOUS ? memory_private(size) : NULL;
    errno = ENOMEM;
    return memory ? memory : MAP_FAILED;
}

static int instead_of_munmap(void *address, size_t size)
{
    (void)address, (void)size;
    return 0;
}

#define INSTEAD(function) ((void (*)(void))(function))

static const struct redirection of_libunwind[] = {
    {"pipe", INSTEAD(no_pipe)},
    {"pipe2", INSTEAD(no_pipe)},
    {"read", INSTEAD(instead_of_read)},
    {"write", INSTEAD(instead_of_write)},
    {"syscall", INSTEAD(instead_of_syscall)},
    {"mincore", INSTEAD(instead_of_mincore)},
    {"mmap", INSTEAD(instead_of_mmap)},
    {"mmap64", INSTEAD(instead_of_mmap)},
    {"munmap", INSTEAD(instead_of_munmap)},
    {NULL, NULL},
};

#define TEXT_OF(x) #x
#define NAME_OF(x) TEXT_OF(x)

/* libunwind sets its accessors up when it is first used. */
static void set_accessors(void *arg)
{
    unw_context_t *context = arg;
    unw_cursor_t cursor;
    unwinder.init(&cursor, context);
    unwinder.accessors(*unwinder.space)->access_mem = read_memory;
}

static void prepare_unwinder(void)
{
    unw_context_t context;
    if (!unwinder.context || !unwinder.init || !unwinder.get_reg || !unwinder.accessors ||
        !unwinder.space || !unwinder.step) {
        unwinder.step = NULL;
        return;
    }
    unwinder.context(&context);
    arch_on_stack(walker_stacks + WALKER_STACK, set_accessors, &context);
}

void stacks_load_unwinder(void)
{
    int saved_errno = errno;
    uint64_t mask;
    sys_block_signals(&mask);
    thread.busy++;
    void *library = loader_real_dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library) {
        /* ld.so appends what it loads: libunwind, and behind it what that needs */
        struct link_map *map = NULL;
        dlinfo(library, RTLD_DI_LINKMAP, &map);
        redirect(map, of_libunwind);
        for (; map; map = map->l_next)
            memory_set_apart((const void *)map->l_addr);
        unwinder.context = dlsym(library, NAME_OF(UNW_ARCH_OBJ(getcontext)));
        unwinder.init = dlsym(library, NAME_OF(UNW_OBJ(init_local)));
        unwinder.get_reg = dlsym(library, NAME_OF(UNW_OBJ(get_reg)));
        unwinder.accessors = dlsym(library, NAME_OF(UNW_ARCH_OBJ(get_accessors)));
        unwinder.space = dlsym(library, NAME_OF(UNW_OBJ(local_addr_space)));
        unwinder.step = dlsym(library, NAME_OF(UNW_OBJ(step)));
        prepare_unwinder();
    }
    thread.busy--;
    sys_restore_signals(&mask);
    errno = saved_errno;
}

static void send(uint32_t id, const uintptr_t *frames, uint32_t count)
{
    struct emit e = emit_begin(sizeof(struct pmt_stack) + count * (uint32_t)sizeof(uint64_t));
    struct pmt_stack *s = e.record;
    if (!s)
        return;
    emit_header(&e, PMT_RECORD_STACK, 0, id, clock_now());
    s->frames = count;
    s->pad = 0;
    for (uint32_t i = 0; i < count; i++)
        s->ip[i] = frames[i];
    emit_end(&e);
}

static bool same(const struct stacks_slot *slot, const uintptr_t *frames, uint32_t count)
{
    uint32_t at = __atomic_load_n(&slot->at, __ATOMIC_ACQUIRE);
    if (count == 1)
        return at >= STACKS_LOADER;
    return at && at < STACKS_LOADER && words[at] == count &&
           memcmp(words + at + 1, frames, count * sizeof *frames) == 0;
}

/* Where the frames are kept; 0 when there is no room. */
static uint32_t keep(const uintptr_t *frames, uint32_t count)
{
    if (count == 1)
        return process_loader_owns(frames[0]) ? STACKS_LOADER : STACKS_SINGLE;
    uint32_t at = __atomic_fetch_add(&words_used, count + 1, __ATOMIC_RELAXED);
    if (at + count + 1 > FRAME_WORDS) {
        __atomic_fetch_sub(&words_used, count + 1, __ATOMIC_RELAXED);
        return 0;
    }
    words[at] = count;
    memcpy(words + at + 1, frames, count * sizeof *frames);
    return at;
}

/* Stack `id` is slot `id - 1`. Whoever claims a slot sends the record before others can see the id.
 * Two threads that meet the same new stack at once may give it two ids. */
static uint32_t intern(uintptr_t key, const uintptr_t *frames, uint32_t count)
{
    uint32_t index = stacks_index(key);
    for (uint32_t probe = 0; probe < PROBES; probe++, index = (index + 1) & (STACKS_SLOTS - 1)) {
        struct stacks_slot *slot = &stacks_slots[index];
        uintptr_t found = __atomic_load_n(&slot->key, __ATOMIC_RELAXED);
        if (found == key && same(slot, frames, count))
            return index + 1;
        if (found || !__atomic_compare_exchange_n(&slot->key, &found, key, false, __ATOMIC_RELAXED,
                                                  __ATOMIC_RELAXED))
            continue;
        uint32_t at = keep(frames, count);
        if (!at)
            break;
        send(index + 1, frames, count);
        __atomic_store_n(&slot->at, at, __ATOMIC_RELEASE);
        return index + 1;
    }
    emit_lost(PMT_LOSS_STACK_TABLE_FULL);
    return 0;
}

uint32_t stacks_intern_caller(uintptr_t caller)
{
    return caller ? intern(caller, &caller, 1) : 0;
}

struct walk {
    unw_context_t context;
    uintptr_t frames[PMT_MAX_FRAMES];
    uint32_t count;
    bool cut; /* the stack is the interposed call's: forget what lies inside of it */
};

static void walk(void *arg)
{
    struct walk *w = arg;
    unw_cursor_t cursor;
    unw_word_t ip;
    if (unwinder.init(&cursor, &w->context) < 0)
        return;
    while (w->count < PMT_MAX_FRAMES && unwinder.step(&cursor) > 0) {
        if (unwinder.get_reg(&cursor, UNW_REG_IP, &ip) < 0 || ip == 0)
            break;
        if (!process_owns_code((uintptr_t)ip)) {
            w->frames[w->count++] = (uintptr_t)ip;
        } else if (w->cut && w->count) {
            w->count = 0;
            w->cut = false;
        }
    }
}

static uint32_t walk_here(uintptr_t caller, bool cut)
{
    struct walk w = {.cut = cut};
    int walker = unwinder.step ? take_walker() : -1;
    if (walker < 0)
        return stacks_of_caller(caller);
    int saved_errno = errno;
    unwinder.context(&w.context);
    thread.busy++;
    arch_on_stack(walker_stacks + (walker + 1u) * WALKER_STACK, walk, &w);
    thread.busy--;
    __atomic_fetch_and(&walkers_busy, ~(1u << walker), __ATOMIC_RELEASE);
    errno = saved_errno;
    if (w.count <= 1)
        return stacks_of_caller(w.count ? w.frames[0] : caller);
    uintptr_t hash = w.count;
    for (uint32_t i = 0; i < w.count; i++)
        hash = (hash ^ w.frames[i]) * 16777619u + (hash >> 15);
    return intern(hash | 1, w.frames, w.count);
}

uint32_t stacks_here(uintptr_t caller)
{
    return walk_here(caller, false);
}

uint32_t stacks_of_change(void)
{
    if (!state_in_call())
        return stacks_here(0);
    if (!thread.call.stack_id)
        thread.call.stack_id = loader_is_at_work() ? stacks_of_caller(thread.call.caller)
                                                   : walk_here(thread.call.caller, true);
    return thread.call.stack_id;
}
