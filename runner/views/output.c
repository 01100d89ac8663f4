#include "runner/views/output.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* Like write(2), but all of it, also to what does not block. Returns 0 or -errno. */
static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(fd, bytes, size);
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        if (written < 0 && errno == EAGAIN)
            poll(&wait, 1, -1);
        else if (written < 0 && errno != EINTR)
            return -errno;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

unsigned output_width(const struct output *out)
{
    struct winsize size;
    bool known = out->resized && ioctl(out->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : out->width;
}

static void put(struct output *out, const char *bytes, size_t size)
{
    if (out->before_write && size)
        out->before_write();
    if (!out->error)
        out->error = write_all(out->fd, bytes, size);
}

/* ---- while a program shows a page of its own ---- */

/* Such a program (vim, less, top) reads keys, not lines; so does a pager at the end of our pipe. */
static bool is_taken(const struct output *out)
{
    struct termios mode;
    return out->yields && tcgetattr(out->fd, &mode) == 0 && !(mode.c_lflag & ICANON);
}

/* False: there is no room for it. */
static bool hold(struct output *out, const char *bytes, size_t size)
{
    if (out->held <= 0)
        out->held = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (out->held <= 0 || lseek(out->held, (off_t)out->held_bytes, SEEK_SET) < 0 ||
        write_all(out->held, bytes, size) != 0)
        return false;
    out->held_bytes += size;
    return true;
}

static void release(struct output *out)
{
    char bytes[16384];
    for (size_t at = 0; at < out->held_bytes;) {
        size_t left = out->held_bytes - at;
        ssize_t got = pread(out->held, bytes, left < sizeof bytes ? left : sizeof bytes, (off_t)at);
        if (got <= 0 && !out->error)
            out->error = got < 0 ? -errno : -EIO;
        if (got <= 0)
            break;
        put(out, bytes, (size_t)got);
        at += (size_t)got;
    }
    out->held_bytes = 0;
}

void output_write(struct output *out, const char *bytes, size_t size)
{
    for (size_t i = 0; out->lines && i < size; i++)
        *out->lines += bytes[i] == '\n';
    if (is_taken(out) && hold(out, bytes, size))
        return;
    release(out);
    put(out, bytes, size);
}

int output_close(struct output *out)
{
    release(out);
    if (out->held > 0)
        close(out->held);
    if (close(out->fd) != 0 && !out->error)
        out->error = -errno;
    return out->error;
}
