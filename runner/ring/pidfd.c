#include "runner/ring/pidfd.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.15, include/uapi/linux/pidfd.h: struct pidfd_info and PIDFD_GET_INFO. Written out here
 * because the headers of older systems lack it. */
struct pidfd_info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11]; /* pid, tgid, ppid, uids and gids */
    int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info) == 64, "struct pidfd_info of the kernel, first version");
#define PIDFD_GET_INFO _IOWR(0xff, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT 8u

int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool pidfd_has_ended(int pidfd)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

/* The last field of /proc/PID/stat, proc(5), as long as the parent has not waited for it. */
static bool of_zombie(pid_t pid, int *status)
{
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    const char *after_name = strrchr(text, ')'), *last = strrchr(text, ' ');
    return after_name && after_name[1] == ' ' && after_name[2] == 'Z' && last > after_name &&
           sscanf(last, "%d", status) == 1;
}

bool pidfd_status(int pidfd, pid_t pid, int *status)
{
    struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
    if (of_zombie(pid, status))
        return true;
    if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO, &info) != 0 || !(info.mask & PIDFD_INFO_EXIT))
        return false;
    *status = info.exit_code;
    return true;
}
