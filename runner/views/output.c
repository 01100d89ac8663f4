#include "runner/views/output.h"
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
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

void output_write(struct output *out, const char *bytes, size_t size)
{
    if (out->before_write && size)
        out->before_write();
    if (!out->error)
        out->error = write_all(out->fd, bytes, size);
}

int output_close(struct output *out)
{
    if (close(out->fd) != 0 && !out->error)
        out->error = -errno;
    return out->error;
}
