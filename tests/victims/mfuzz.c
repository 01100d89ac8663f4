/*
 * mfuzz SEED CALLS [THREADS]: random calls that change the memory map, each thread in an area of
 * its own; the first thread also on a part of the heap, and of the stack.
 *
 * Ranges with holes, borders between neighbours that differ in the kernel's flags only, calls that
 * fail halfway: whatever the calls have done, a tracer must know which call it was. It prints the
 * map when all threads are done, and "@ fingerprint NUMBER": of which calls failed, and how; the
 * exit status is that, too, so that nothing may fail, or succeed, because it is traced.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#include "victim.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

enum { PAGE = 4096, PAGES = 64, MARGIN = 32, SEGMENT = 16, MOST_THREADS = 16, HEAP_PAGES = 40 };

struct thread {
    unsigned int state, calls, fingerprint;
    char *area, *heap, *stack; /* the last two: NULL, except for the first thread */
    int file, segment;
    bool alone;
    pthread_t id;
};

static pthread_barrier_t all_are_there;

static unsigned int below(struct thread *t, unsigned int n)
{
    return next_number(&t->state) % n;
}

/* Some pages of the area; often few. */
struct place {
    unsigned int at, pages;
    char *start;
    size_t length;
};

static struct place place_in(struct thread *t, char *area, unsigned int pages)
{
    struct place p = {.at = below(t, pages)};

    p.pages = 1 + below(t, below(t, 3) ? 8 : pages);
    if (p.pages > pages - p.at)
        p.pages = pages - p.at;
    p.start = area + (size_t)p.at * PAGE;
    p.length = (size_t)p.pages * PAGE;
    return p;
}

static struct place some_place(struct thread *t)
{
    return place_in(t, t->area, PAGES);
}

static int some_protection(struct thread *t)
{
    static const int all[] = {PROT_NONE,
                              PROT_READ,
                              PROT_READ | PROT_WRITE,
                              PROT_READ | PROT_EXEC,
                              PROT_READ | PROT_WRITE | PROT_EXEC,
                              PROT_WRITE};
    return all[below(t, 6)];
}

static int some_advice(struct thread *t)
{
    static const int all[] = {
        MADV_DONTFORK,   MADV_DOFORK,     MADV_DONTDUMP,   MADV_DODUMP,
        MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_MERGEABLE,  MADV_UNMERGEABLE,
        MADV_HUGEPAGE,   MADV_NOHUGEPAGE, MADV_SEQUENTIAL, MADV_NORMAL,
        MADV_RANDOM,     MADV_DONTNEED,   MADV_FREE,       MADV_POPULATE_READ};
    return all[below(t, 16)];
}

static long map_anonymous(struct thread *t)
{
    struct place p = some_place(t);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (below(t, 4) ? 0 : MAP_NORESERVE) |
                (below(t, 8) ? 0 : MAP_LOCKED) | (below(t, 8) ? 0 : MAP_GROWSDOWN);
    return (long)mmap(p.start, p.length, some_protection(t), flags, -1, 0);
}

static long map_file(struct thread *t)
{
    struct place p = some_place(t);
    int flags = MAP_FIXED | (below(t, 2) ? MAP_SHARED : MAP_PRIVATE);
    off_t offset = (off_t)(below(t, 2) ? p.at : below(t, 100)) * PAGE;
    return (long)mmap(p.start, p.length, some_protection(t), flags, t->file, offset);
}

static long unmap(struct thread *t)
{
    struct place p = some_place(t);
    return munmap(p.start, p.length);
}

static long protect(struct thread *t)
{
    struct place p = some_place(t);
    return mprotect(p.start, p.length, some_protection(t));
}

static long protect_by_key(struct thread *t)
{
    struct place p = some_place(t);
    return pkey_mprotect(p.start, p.length, some_protection(t), below(t, 2) ? -1 : 0);
}

static long advise(struct thread *t)
{
    struct place p = some_place(t);
    return madvise(p.start, p.length, some_advice(t));
}

static long lock(struct thread *t)
{
    struct place p = some_place(t);
    return below(t, 3) ? mlock(p.start, p.length) : mlock2(p.start, p.length, MLOCK_ONFAULT);
}

static long unlock(struct thread *t)
{
    struct place p = some_place(t);
    return munlock(p.start, p.length);
}

/* Also of pages of several regions at once, which is what newer kernels allow. */
static long move_fixed(struct thread *t)
{
    struct place p = some_place(t), to = some_place(t);
    bool same = below(t, 2);
    size_t length = same ? p.length : to.length;
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (same && below(t, 2) ? MREMAP_DONTUNMAP : 0);
    if (to.start + length > t->area + PAGES * PAGE)
        to.start = t->area + PAGES * PAGE - length;
    return (long)mremap(p.start, p.length, length, flags, to.start);
}

static long resize(struct thread *t)
{
    struct place p = some_place(t);
    size_t length = (1 + below(t, 8)) * (size_t)PAGE;
    char *got = mremap(p.start, p.length, length, t->alone && below(t, 2) ? MREMAP_MAYMOVE : 0);
    int error = errno;
    if (got != MAP_FAILED && got != p.start)
        munmap(got, length); /* wherever that is */
    errno = error;
    return (long)got;
}

static long remap_pages(struct thread *t)
{
    struct place p = some_place(t);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    return remap_file_pages(p.start, p.length, 0, below(t, 100), 0);
#pragma GCC diagnostic pop
}

static long name(struct thread *t)
{
    static const char *const names[] = {"one", "two", NULL};
    struct place p = some_place(t);
    return prctl(PR_SET_VMA, 0ul, p.start, p.length, names[below(t, 3)]);
}

static long attach(struct thread *t)
{
    struct place p = some_place(t);
    if (below(t, 2))
        return shmdt(p.start);
    if (p.at > PAGES - SEGMENT)
        p.start = t->area + (PAGES - SEGMENT) * PAGE;
    return (long)shmat(t->segment, p.start, SHM_REMAP | (below(t, 2) ? SHM_RDONLY : 0));
}

/* Not where it decides what another thread may do. */
static long lock_all(struct thread *t)
{
    if (!t->alone)
        return 0;
    if (below(t, 4))
        return munlockall();
    return below(t, 4) ? 0 : mlockall(below(t, 2) ? MCL_CURRENT : MCL_FUTURE);
}

static long whole_area(struct thread *t)
{
    switch (below(t, 4)) {
    case 0:
        return mprotect(t->area, PAGES * PAGE, some_protection(t));
    case 1:
        return madvise(t->area, PAGES * PAGE, some_advice(t));
    case 2:
        return mlock(t->area, PAGES * PAGE);
    default:
        return munlock(t->area, PAGES * PAGE);
    }
}

/* Parts of the heap and of the stack, which get neither unmapped nor moved. */
static long treat(struct thread *t, char *area, unsigned int pages, bool is_stack)
{
    struct place p = place_in(t, area, pages);
    switch (below(t, 5)) {
    case 0:
        return mprotect(p.start, p.length, some_protection(t));
    case 1:
        return madvise(p.start, p.length, some_advice(t));
    case 2:
        return mlock(p.start, p.length);
    case 3:
        return munlock(p.start, p.length);
    default:
        if (!is_stack)
            return 0;
        return mprotect(p.start, p.length, PROT_READ | PROT_WRITE | PROT_GROWSDOWN);
    }
}

/* The break goes up and down, and never below where it was. */
static long move_break(struct thread *t)
{
    intptr_t step = ((intptr_t)below(t, 16) - 8) * 1000;
    if (!t->heap)
        return 0;
    char *now = sbrk(0);
    if (now + step < t->heap || now + step > t->heap + HEAP_PAGES * PAGE)
        step = -step;
    if (now + step < t->heap || now + step > t->heap + HEAP_PAGES * PAGE)
        return 0;
    return (long)sbrk(step);
}

static long heap_part(struct thread *t)
{
    return t->heap ? treat(t, t->heap, HEAP_PAGES, false) : 0;
}

static long stack_part(struct thread *t)
{
    return t->stack ? treat(t, t->stack, PAGES, true) : 0;
}

static long (*const operations[])(struct thread *) = {
    map_anonymous, map_file,   unmap,     protect,    protect_by_key, advise, lock,
    unlock,        move_fixed, resize,    name,       remap_pages,    attach, lock_all,
    whole_area,    move_break, heap_part, stack_part, map_anonymous,  protect};
enum { OPERATIONS = sizeof operations / sizeof *operations };

static void *run(void *arg)
{
    struct thread *t = arg;

    pthread_barrier_wait(&all_are_there);
    for (unsigned int i = 0; i < t->calls; i++) {
        unsigned int which = below(t, OPERATIONS);
        int error = operations[which](t) == -1 ? errno : 0;
        t->fingerprint = t->fingerprint * 31 + which * 200 + (unsigned int)error;
    }
    return NULL;
}

static void prepare(struct thread *t, unsigned int seed, unsigned int calls, bool alone)
{
    char *room = mmap(NULL, (PAGES + 2 * MARGIN) * PAGE, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *t = (struct thread){.state = seed * 2654435761u + 1, .calls = calls, .alone = alone};
    t->area = room + MARGIN * PAGE;
    t->file = memfd_create("mfuzz", MFD_CLOEXEC);
    t->segment = shmget(IPC_PRIVATE, SEGMENT * PAGE, 0600 | IPC_CREAT);
    if (room == MAP_FAILED || ftruncate(t->file, 1 << 20) || t->segment < 0)
        give_up("prepare");
    mprotect(t->area, PAGES * PAGE, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 8; i++)
        next_number(&t->state);
}

static void print_map(void)
{
    static char text[1 << 16];
    int maps = open("/proc/self/maps", O_RDONLY);

    say("@ map-begin end\n");
    for (ssize_t got; (got = read(maps, text, sizeof text)) > 0;)
        if (write(STDOUT_FILENO, text, (size_t)got) != got)
            give_up("write");
    say("@ map-end end\n");
    close(maps);
}

static int run_all(unsigned int seed, unsigned int calls, unsigned int count, char *stack)
{
    static struct thread threads[MOST_THREADS];
    unsigned int fingerprint = 0;

    pthread_barrier_init(&all_are_there, NULL, count);
    for (unsigned int i = 0; i < count; i++)
        prepare(&threads[i], seed + i * 100000, calls, count == 1);
    for (unsigned int i = 1; i < count; i++)
        if (pthread_create(&threads[i].id, NULL, run, &threads[i]))
            give_up("pthread_create");
    threads[0].stack = stack;
    threads[0].heap = (char *)(((uintptr_t)sbrk(0) + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    if (sbrk(threads[0].heap - (char *)sbrk(0) + 8 * PAGE) == (void *)-1)
        threads[0].heap = NULL;
    run(&threads[0]);
    for (unsigned int i = 0; i < count; i++) {
        if (i)
            pthread_join(threads[i].id, NULL);
        shmctl(threads[i].segment, IPC_RMID, NULL);
        fingerprint += threads[i].fingerprint;
    }
    print_map();
    say("@ fingerprint %u\n@ end\n", fingerprint);
    return (int)(fingerprint % 64);
}

int main(int argc, char **argv)
{
    char room[(PAGES + 2) * PAGE];
    unsigned int count = argc > 3 ? (unsigned int)atoi(argv[3]) : 1;

    if (argc < 3 || count < 1 || count > MOST_THREADS)
        return 97;
    memset(room, 1, sizeof room);
    /* from here, as whoever comes after main() uses the stack that was protected */
    exit(run_all((unsigned int)atoi(argv[1]), (unsigned int)atoi(argv[2]), count,
                 (char *)(((uintptr_t)room + 2 * PAGE - 1) & ~(uintptr_t)(PAGE - 1))));
}
