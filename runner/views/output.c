#include "runner/views/output.h"
#include "runner/base/write_all.h"
#include <errno.h>
#include <unistd.h>

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
