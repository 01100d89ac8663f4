#include "shim/ring/output.h"
#include "schemas/encode_record.h"
#include "shim/base/area.h"
#include "shim/base/lock.h"
#include "shim/base/own_stack.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define WINDOW (1u << 20)
#define LINE_MAX_SIZE (512u << 10) /* a record of PMT_RECORD_MAX with every byte escaped */
#define LOSS_MAX_SIZE 512u         /* likewise of a loss */
#define RETRY_NS 50000000u         /* between two attempts to make a file larger that was full */

static struct {
    char path[PATH_MAX];
    char *window;       /* WINDOW bytes of the file from window_at on; NULL: none */
    uint64_t window_at; /* offset of the window in the file, a multiple of the page size */
    uint32_t used;      /* bytes of the window that are written */
    uint64_t seq;
    uint64_t start; /* CLOCK_MONOTONIC of the first event */
    uint32_t pid;
    struct lock lock;
    uint32_t lost[PMT_LOSS_COUNT];
    bool full;         /* the file cannot grow; what is left of the window is for losses */
    uint64_t retry_at; /* CLOCK_MONOTONIC */
    struct pmt_record *scratch;
} out;

static void unmap_window(void)
{
    if (out.window)
        sys2(__NR_munmap, out.window, WINDOW);
    out.window = NULL;
}

static long allocate(int fd, uint64_t at)
{
#ifdef __i386__
    return sys_call(__NR_fallocate, fd, 0, (unsigned long)at, (unsigned long)(at >> 32), WINDOW, 0);
#else
    return sys_call(__NR_fallocate, fd, 0, at, WINDOW, 0, 0);
#endif
}

/* Maps the WINDOW bytes from `at` on. The space is allocated first: writing to a mapping of a file
 * on a full disk would be a SIGBUS in the program. */
static bool map_window(uint64_t at)
{
    if (at + WINDOW > sys_file_limit())
        return false;
    int fd = sys_open(out.path, O_RDWR | O_CREAT, 0600);
    if (fd < 0)
        return false;
    long result;
    do /* being stopped and continued may interrupt it */
        result = allocate(fd, at);
    while (result == -EINTR);
    void *window = NULL;
    if (result == 0)
        window = sys_mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
    sys_close(fd);
    if (!window)
        return false;
    out.window = window;
    out.window_at = at;
    return true;
}

static bool next_window(void)
{
    uint64_t at = out.window_at + out.used;
    uint32_t in_page = (uint32_t)(at & (live->page_size - 1));
    char *before = out.window;
    if (!map_window(at - in_page))
        return false;
    if (before)
        sys2(__NR_munmap, before, WINDOW);
    out.used = in_page;
    memset(out.window + in_page, '\n', WINDOW - in_page);
    return true;
}

/* The program may change its directory, and the file is opened again now and then. */
static bool absolute_path(const char *path)
{
    size_t at = 0;
    if (path[0] != '/') {
        long got = sys2(__NR_getcwd, out.path, sizeof out.path - 1);
        if (got <= 0)
            return false;
        at = (size_t)got;
        out.path[at - 1] = '/';
    }
    if (at + strlen(path) >= sizeof out.path)
        return false;
    strcpy(out.path + at, path);
    return true;
}

bool output_open(const char *path)
{
    if (!absolute_path(path))
        return false;
    out.scratch = area_get(PMT_RECORD_MAX);
    out.pid = live->pid;
    live->lost = out.lost;
    int fd = sys_open(out.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || !out.scratch)
        return false;
    sys_close(fd);
    return next_window();
}

const void *output_window(void)
{
    return out.window;
}

static bool has_room(uint32_t size)
{
    return out.window && WINDOW - out.used >= size;
}

static void write_losses(void *none);

static void write_line(struct pmt_record *r)
{
    struct encode_context context = {.seq = out.seq + 1,
                                     .pid = out.pid,
                                     .image = 1,
                                     .word_size = sizeof(long),
                                     .t_ns = r->time - out.start};
    if (r->type == PMT_RECORD_ALLOC && pmt_record_size(r) == sizeof(struct pmt_alloc))
        context.began_ns = ((struct pmt_alloc *)r)->began - out.start;
    bool fits = has_room(r->type == PMT_RECORD_LOSS ? LOSS_MAX_SIZE : LINE_MAX_SIZE);
    if (!fits && !next_window()) {
        out.full = true;
        out.retry_at = r->time + RETRY_NS;
        state_lost(PMT_LOSS_OUTPUT);
        return write_losses(NULL);
    }
    size_t written = encode_record(out.window + out.used, WINDOW - out.used, r, &context);
    if (written == 0)
        return state_lost(PMT_LOSS_OUTPUT);
    out.used += (uint32_t)written;
    out.seq++;
}

static void write_losses(void *none)
{
    (void)none;
    for (unsigned reason = 1; reason < PMT_LOSS_COUNT; reason++) {
        if (out.full && !has_room(LOSS_MAX_SIZE))
            return;
        uint32_t count = __atomic_exchange_n(&out.lost[reason], 0, __ATOMIC_RELAXED);
        if (!count)
            continue;
        struct pmt_lost lost = {.r = {.units = sizeof lost / PMT_RECORD_ALIGN,
                                      .type = PMT_RECORD_LOSS,
                                      .call = (uint8_t)reason,
                                      .tid = state_tid(),
                                      .time = sys_clock(CLOCK_MONOTONIC)},
                                .count = count};
        write_line(&lost.r);
    }
}

/* There may be room again; then what was lost meanwhile is told first. */
static bool grow_again(void)
{
    uint64_t now = sys_clock(CLOCK_MONOTONIC);
    if (now < out.retry_at)
        return false;
    out.retry_at = now + RETRY_NS;
    out.full = !next_window();
    if (!out.full)
        own_stack_run_blocked(write_losses, NULL);
    return !out.full;
}

void *output_begin(uint32_t size)
{
    (void)size;
    if (!lock_take(&out.lock)) {
        state_lost(PMT_LOSS_REENTRY);
        return NULL;
    }
    if (!out.full || grow_again())
        return out.scratch;
    state_lost(PMT_LOSS_OUTPUT);
    lock_release(&out.lock);
    return NULL;
}

static void write_record(void *arg)
{
    struct pmt_record *r = arg;
    if (out.start == 0)
        out.start = r->time;
    write_line(r);
}

void output_end(struct pmt_record *r)
{
    if (!own_stack_run_blocked(write_record, r))
        state_lost(PMT_LOSS_OUTPUT);
    lock_release(&out.lock);
}

void output_close(void)
{
    if (!lock_take(&out.lock))
        return;
    own_stack_run_blocked(write_losses, NULL);
    uint64_t size = out.window_at + out.used;
#ifdef __i386__
    sys3(__NR_truncate64, out.path, (unsigned long)size, (unsigned long)(size >> 32));
#else
    sys2(__NR_truncate, out.path, size);
#endif
    unmap_window(); /* the next event, if there is one, maps a new one */
    out.window_at = size;
    out.used = 0;
    lock_release(&out.lock);
}
