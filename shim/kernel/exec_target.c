#include "shim/kernel/exec_target.h"
#include "schemas/loader.h"
#include "shim/base/sys.h"
#include <elf.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>

#define MOST_SCRIPTS 5  /* fs/exec.c: a script's interpreter may be a script, so many times */
#define SCRIPT_LINE 256 /* linux/binfmts.h, BINPRM_BUF_SIZE */

static bool read_at(int fd, void *to, unsigned long size, uint64_t offset)
{
#ifdef __i386__
    return sys5(__NR_pread64, fd, to, size, (unsigned long)offset, (unsigned long)(offset >> 32)) ==
           (long)size;
#else
    return sys4(__NR_pread64, fd, to, size, offset) == (long)size;
#endif
}

/* ld.so ignores LD_PRELOAD in a program that runs with other privileges than who executes it. */
static bool is_privileged(int fd, const struct statx *s)
{
    char capabilities;
    uint32_t uid = (uint32_t)sys0(__NR_getuid), gid = (uint32_t)sys0(__NR_getgid);
    long size = sys4(__NR_fgetxattr, fd, "security.capability", &capabilities, 0);
    return (s->stx_mode & S_ISUID && s->stx_uid != uid) ||
           (s->stx_mode & S_ISGID && s->stx_mode & S_IXGRP && s->stx_gid != gid) ||
           (size > 0 && uid != 0);
}

/* The loader is glibc's, ld-linux*.so: no other C library can load the shim. */
static bool has_our_loader(int fd, uint64_t offset, uint64_t size)
{
    char name[128];
    if (size == 0 || size > sizeof name || !read_at(fd, name, (unsigned long)size, offset))
        return false;
    name[size - 1] = '\0';
    return loader_is_glibc(name);
}

#define FIND_LOADER(bits)                                                                          \
    static bool find_loader##bits(int fd, bool is_loader)                                          \
    {                                                                                              \
        Elf##bits##_Ehdr header;                                                                   \
        if (!read_at(fd, &header, sizeof header, 0) ||                                             \
            header.e_machine != (bits == 32 ? EM_386 : EM_X86_64))                                 \
            return false;                                                                          \
        for (unsigned i = 0; i < header.e_phnum; i++) {                                            \
            Elf##bits##_Phdr segment;                                                              \
            if (!read_at(fd, &segment, sizeof segment, header.e_phoff + i * sizeof segment))       \
                return false;                                                                      \
            if (segment.p_type == PT_INTERP)                                                       \
                return has_our_loader(fd, segment.p_offset, segment.p_filesz);                     \
        }                                                                                          \
        return is_loader;                                                                          \
    }
FIND_LOADER(32)
FIND_LOADER(64)

/* The interpreter of a script, from its first line. */
static bool interpreter_of(const char *line, char out[SCRIPT_LINE])
{
    if (line[0] != '#' || line[1] != '!')
        return false;
    size_t from = 2 + strspn(line + 2, " \t"), length = strcspn(line + from, " \t\n");
    memcpy(out, line + from, length);
    out[length] = '\0';
    return length > 0;
}

/* As the kernel does it, nothing but a regular file is opened: a FIFO would wait for its other
 * end. */
static int open_program(const struct exec_target *t, struct statx *s)
{
    if (sys5(__NR_statx, t->directory, t->path, t->by_fd ? AT_EMPTY_PATH : 0, STATX_BASIC_STATS,
             s) != 0 ||
        (s->stx_mode & S_IFMT) != S_IFREG || !(s->stx_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
        return -1;
    return t->by_fd ? (int)sys3(__NR_fcntl, t->directory, F_DUPFD_CLOEXEC, 0)
                    : (int)sys4(__NR_openat, t->directory, t->path,
                                O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
}

/* `fd`: of a file that is no script. */
static bool loads(int fd, const struct exec_target *t, const struct statx *s,
                  char sanitizer[SANITIZER_NAME])
{
    bool loader = loader_is_glibc(t->path) && loader_runs_program(t->argv);
    if (is_privileged(fd, s) || (!find_loader32(fd, loader) && !find_loader64(fd, loader)))
        return false;
    sanitizer_of_program(fd, read_at, sanitizer);
    return true;
}

enum exec_target_kind exec_target_look(const struct exec_target *target,
                                       char sanitizer[SANITIZER_NAME])
{
    char line[SCRIPT_LINE], interpreter[SCRIPT_LINE];
    struct exec_target t = *target;
    struct statx s;
    for (int scripts = 0; scripts <= MOST_SCRIPTS; scripts++) {
        int fd = open_program(&t, &s);
        if (fd < 0)
            return EXEC_TARGET_NONE;
        memset(line, 0, sizeof line);
        sys3(__NR_read, fd, line, t.by_fd ? 0 : sizeof line - 1);
        bool script = interpreter_of(line, interpreter),
             yes = !script && loads(fd, &t, &s, sanitizer);
        sys_close(fd);
        if (!script)
            return yes ? EXEC_TARGET_LOADS : EXEC_TARGET_ALONE;
        t = (struct exec_target){.directory = AT_FDCWD, .path = interpreter};
    }
    return EXEC_TARGET_NONE;
}
