#include "shim/stacks/libunwind_walk.h"
#include "shim/base/area.h"
#include "shim/base/library.h"
#include "shim/base/own_map.h"
#include "shim/base/own_stack.h"
#include "shim/base/pool.h"
#include "shim/base/real.h"
#include "shim/base/sys.h"
#include "shim/stacks/cfi.h"
#include "shim/stacks/redirect.h"
#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

static struct {
    int (*context)(unw_context_t *);
    int (*init)(unw_cursor_t *, unw_context_t *);
    int (*step)(unw_cursor_t *);
    int (*get_reg)(unw_cursor_t *, int, unw_word_t *);
    int (*get_proc_info)(unw_cursor_t *, unw_proc_info_t *);
    unw_accessors_t *(*accessors)(unw_addr_space_t);
    unw_addr_space_t *space;
} unwinder;

#define STACK_MAY_GROW ((uintptr_t)128 << 20) /* further below it nothing is looked at */

/* Between the main thread's stack and the region below it: a look in there would make the stack
 * grow. Both ends move; whoever comes upon it asks anew. */
static struct stack_bounds gap = {0, UINTPTR_MAX};
static uint32_t gap_since; /* live->unmapped when it was so */

static bool is_in_gap(uintptr_t address)
{
    return address - gap.low < gap.high - gap.low;
}

static bool would_grow_stack(uintptr_t address)
{
    uint32_t unmapped = __atomic_load_n(&live->unmapped, __ATOMIC_ACQUIRE);
    uint64_t low, high, top = process.stack.inside;
    if (!is_in_gap(address) && gap_since == unmapped)
        return false;
    if (!own_map_gap(top, STACK_MAY_GROW, &low, &high))
        return address < top && top - address < STACK_MAY_GROW;
    gap = (struct stack_bounds){(uintptr_t)low, (uintptr_t)high};
    gap_since = unmapped;
    return is_in_gap(address);
}

static bool is_readable(const void *address)
{
    return !would_grow_stack((uintptr_t)address) && sys_can_read(address);
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

/* libunwind tests whether memory can be read by writing a byte of it into a pipe of its own: a
 * descriptor in the program, and whatever has its number after the program has closed it. */
static int no_pipe(int fds[2])
{
    fds[0] = fds[1] = -1;
    return -1;
}

static long instead_of_read(void)
{
    real_errno = EAGAIN;
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
    real_errno = ENOSYS;
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
    void *memory = flags & MAP_ANONYMOUS ? area_get(size) : NULL;
    real_errno = ENOMEM;
    return memory ? memory : MAP_FAILED;
}

static int instead_of_munmap(void *address, size_t size)
{
    (void)address, (void)size;
    return 0;
}

static void *instead_of_malloc(size_t size)
{
    return pool_alloc(size, 0);
}

static void *instead_of_calloc(size_t count, size_t size)
{
    return pool_alloc(count * size, 0); /* a block of the pool was never used before */
}

static void instead_of_free(void *block)
{
    (void)block;
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
    {"malloc", INSTEAD(instead_of_malloc)},
    {"calloc", INSTEAD(instead_of_calloc)},
    {"realloc", INSTEAD(pool_realloc)},
    {"free", INSTEAD(instead_of_free)},
    {NULL, NULL},
};

#define TEXT_OF(x) #x
#define NAME_OF(x) TEXT_OF(x)

#define FIND(library, name) library_find(library, name, NULL)

static void resolve(const struct link_map *library)
{
    unwinder.context = FIND(library, NAME_OF(UNW_ARCH_OBJ(getcontext)));
    unwinder.init = FIND(library, NAME_OF(UNW_OBJ(init_local)));
    unwinder.get_reg = FIND(library, NAME_OF(UNW_OBJ(get_reg)));
    unwinder.get_proc_info = FIND(library, NAME_OF(UNW_OBJ(get_proc_info)));
    unwinder.accessors = FIND(library, NAME_OF(UNW_ARCH_OBJ(get_accessors)));
    unwinder.space = FIND(library, NAME_OF(UNW_OBJ(local_addr_space)));
    unwinder.step = FIND(library, NAME_OF(UNW_OBJ(step)));
}

/* libunwind sets its accessors up when it is first used. */
static void set_accessors(void *arg)
{
    unw_context_t *context = arg;
    unw_cursor_t cursor;
    unwinder.init(&cursor, context);
    unwinder.accessors(*unwinder.space)->access_mem = read_memory;
}

static void prepare(void)
{
    unw_context_t context;
    bool complete = unwinder.context && unwinder.init && unwinder.get_reg && unwinder.step &&
                    unwinder.get_proc_info && unwinder.accessors && unwinder.space;
    if (complete && unwinder.context(&context) == 0)
        complete = own_stack_run(set_accessors, &context);
    if (!complete)
        unwinder.step = NULL;
}

void libunwind_load(void)
{
    int saved_errno = real_errno;
    uint64_t mask;
    sys_block_signals(&mask);
    thread.busy++;
    void *(*open)(const char *, int) = library_system("dlopen");
    const struct link_map *library = open("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    if (library) {
        redirect(library, of_libunwind);
        /* ld.so appends what it loads: libunwind, and behind it what that needs */
        for (const struct link_map *l = library; l; l = l->l_next)
            area_set_apart((const void *)l->l_addr);
        resolve(library);
        prepare();
    }
    thread.busy--;
    sys_restore_signals(&mask);
    real_errno = saved_errno;
}

bool libunwind_hold(void)
{
    return own_stack_hold();
}

void libunwind_go_on(bool held, bool in_child)
{
    if (in_child && !held)
        unwinder.step = NULL;
    if (held || in_child)
        own_stack_free();
}

bool libunwind_is_ready(void)
{
    return unwinder.step && !state_in_loader();
}

struct walk {
    unw_context_t context;
    struct unwind_stack *stack;
    uint32_t depth;
    uintptr_t sp; /* 0: the walk has come to it */
    enum unwind_end end;
};

/* Where there is no table libunwind says that the function is this one byte. */
static bool has_table(unw_cursor_t *cursor)
{
    unw_proc_info_t info;
    return unwinder.get_proc_info(cursor, &info) >= 0 &&
           (info.unwind_info || info.end_ip > info.start_ip + 1);
}

/* libunwind reads tables without a test. */
static bool has_broken_table(uintptr_t pc)
{
    struct cfi_rule rule;
    return cfi_find(pc - 1, true, &rule) == CFI_BROKEN;
}

static void add(struct walk *w, uintptr_t pc, uintptr_t sp)
{
    if (sp == w->sp)
        w->sp = 0;
    if (!w->sp && !state_owns_code(pc))
        w->stack->pc[w->stack->count++] = pc;
}

static void walk(void *arg)
{
    struct walk *w = arg;
    unw_cursor_t cursor;
    unw_word_t pc, sp;
    int result = 0;
    if (unwinder.init(&cursor, &w->context) < 0)
        return;
    while (w->stack->count < w->depth) {
        bool broken = unwinder.get_reg(&cursor, UNW_REG_IP, &pc) < 0 || has_broken_table(pc);
        if (broken || (w->stack->count && !has_table(&cursor))) {
            w->end = UNWIND_WAS_CUT;
            return;
        }
        result = unwinder.step(&cursor);
        if (result <= 0 || unwinder.get_reg(&cursor, UNW_REG_IP, &pc) < 0 ||
            unwinder.get_reg(&cursor, UNW_REG_SP, &sp) < 0 || pc == 0)
            break;
        add(w, (uintptr_t)pc, (uintptr_t)sp);
    }
    w->end = result < 0 ? UNWIND_FAILED : UNWIND_WHOLE;
}

enum unwind_end libunwind_walk(struct unwind_stack *stack, uint32_t depth, uintptr_t sp)
{
    struct walk w = {.stack = stack, .depth = depth, .sp = sp, .end = UNWIND_FAILED};
    int saved_errno = real_errno;
    stack->count = 0;
    stack->cut = false;
    unwinder.context(&w.context);
    thread.busy++;
    walk(&w);
    thread.busy--;
    real_errno = saved_errno;
    unwind_seal(stack);
    return w.end;
}
