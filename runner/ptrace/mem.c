#include "runner/ptrace/mem.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

bool mem_read(pid_t tid, uint64_t address, void *out, size_t size)
{
    struct iovec here = {out, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

size_t mem_read_some(pid_t tid, uint64_t address, void *out, size_t size)
{
    size_t first = 4096 - address % 4096; /* what lies behind the page may not be there */
    struct iovec here = {out, size}, there[2] = {{(void *)(uintptr_t)address, size}};
    if (first < size) {
        there[0].iov_len = first;
        there[1] = (struct iovec){(void *)(uintptr_t)(address + first), size - first};
    }
    ssize_t got = process_vm_readv(tid, &here, 1, there, first < size ? 2 : 1, 0);
    return got > 0 ? (size_t)got : 0;
}

bool mem_write(pid_t tid, uint64_t address, const void *bytes, size_t size)
{
    struct iovec here = {(void *)(uintptr_t)bytes, size};
    struct iovec there = {(void *)(uintptr_t)address, size};
    return process_vm_writev(tid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* By /proc/PID/mem, which writes to code, too, as a debugger does. */
bool mem_write_code(pid_t tid, uint64_t address, const void *bytes, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", tid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool done = pwrite(fd, bytes, size, (off_t)address) == (ssize_t)size;
    close(fd);
    return done;
}

/* A page may end before the text does, and nothing be behind it. */
void mem_read_text(pid_t tid, uint64_t address, char *out, size_t size)
{
    size_t have = 0;
    while (have < size - 1) {
        size_t piece = 256 - (address + have) % 256;
        if (piece > size - 1 - have)
            piece = size - 1 - have;
        if (!mem_read(tid, address + have, out + have, piece))
            break;
        if (memchr(out + have, '\0', piece))
            return;
        have += piece;
    }
    out[have] = '\0';
}

uint64_t mem_read_word(pid_t tid, uint64_t address, unsigned word_size)
{
    uint64_t word = 0;
    return mem_read(tid, address, &word, word_size) ? word : 0;
}
