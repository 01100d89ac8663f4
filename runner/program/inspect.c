#include "runner/program/inspect.h"
#include "runner/program/find.h"
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static int open_regular(const char *path, struct stat *st)
{
    /* O_NONBLOCK: a FIFO must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int error = 0;
    if (fstat(fd, st) != 0)
        error = -errno;
    else if (S_ISDIR(st->st_mode))
        error = -EISDIR;
    else if (!S_ISREG(st->st_mode))
        error = -EACCES;
    if (error != 0) {
        close(fd);
        return error;
    }
    return fd;
}

static bool has_capabilities(int fd)
{
    /* struct vfs_cap_data: flags with "effective" in bit 0, then pairs of permitted and inheritable
     * sets, 32 bits each, little endian. */
    unsigned char data[24] = {0};
    ssize_t size = fgetxattr(fd, "security.capability", data, sizeof(data));
    if (size < 12)
        return false;
    unsigned char granted = data[0] & 1;
    for (size_t i = 0; i < 4; i++)
        granted |= data[4 + i] | data[12 + i];
    return granted != 0;
}

/* The kernel's rules for AT_SECURE: bprm_fill_uid() and cap_bprm_creds_from_file(). */
static enum target_privilege find_privilege(int fd, const struct stat *st)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0)
        return TARGET_PRIVILEGE_NONE;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return TARGET_PRIVILEGE_NONE;
    if ((st->st_mode & S_ISUID) != 0 && st->st_uid != getuid())
        return TARGET_PRIVILEGE_SETUID;
    /* Without group execution, setgid once meant mandatory locking. */
    const mode_t setgid = S_ISGID | S_IXGRP;
    if ((st->st_mode & setgid) == setgid && st->st_gid != getgid())
        return TARGET_PRIVILEGE_SETGID;
    if (getuid() != 0 && has_capabilities(fd))
        return TARGET_PRIVILEGE_CAPABILITIES;
    return TARGET_PRIVILEGE_NONE;
}

static const char *read_loader(int fd, const GElf_Phdr *segment, struct target_elf *elf)
{
    if (segment->p_filesz < 2 || segment->p_filesz > sizeof(elf->loader))
        return "the name of its loader has no sensible length";
    if (segment->p_offset > INT64_MAX - PATH_MAX)
        return "the name of its loader lies outside the file";
    size_t size = segment->p_filesz;
    if (pread(fd, elf->loader, size, (off_t)segment->p_offset) != (ssize_t)size)
        return "the name of its loader lies outside the file";
    if (elf->loader[size - 1] != '\0')
        return "the name of its loader does not end";
    elf->linking = TARGET_LINKING_DYNAMIC;
    elf->loader_exists = access(elf->loader, F_OK) == 0;
    return NULL;
}

static bool has_pie_flag(Elf *handle, const GElf_Phdr *segment)
{
    if (segment->p_offset > INT64_MAX || segment->p_filesz > INT32_MAX)
        return false;
    Elf_Data *data =
        elf_getdata_rawchunk(handle, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_DYN);
    if (data == NULL)
        return false;
    GElf_Dyn entry;
    for (int i = 0; gelf_getdyn(data, i, &entry) != NULL && entry.d_tag != DT_NULL; i++) {
        if (entry.d_tag == DT_FLAGS_1)
            return (entry.d_un.d_val & DF_1_PIE) != 0;
    }
    return false;
}

static const char *read_segments(int fd, Elf *handle, struct target_elf *elf)
{
    size_t count;
    struct stat st;
    /* The size from the file system: libelf tells it only after it has read the whole file. */
    if (fstat(fd, &st) != 0)
        return "it cannot be read";
    uint64_t size = (uint64_t)st.st_size;
    if (elf_getphdrnum(handle, &count) != 0)
        return "its program headers cannot be read";
    bool loadable = false;
    bool pie_flag = false;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(handle, (int)i, &segment) == NULL)
            return "its program headers lie outside the file";
        if (segment.p_type == PT_LOAD &&
            (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
            return "a segment reaches beyond the end of the file";
        loadable |= segment.p_type == PT_LOAD;
        if (segment.p_type == PT_DYNAMIC)
            pie_flag = has_pie_flag(handle, &segment);
        if (segment.p_type == PT_INTERP && elf->linking == TARGET_LINKING_STATIC) {
            const char *damage = read_loader(fd, &segment, elf);
            if (damage != NULL)
                return damage;
        }
    }
    bool program = elf->type == ET_EXEC || elf->type == ET_DYN;
    if (program && !loadable)
        return "it has no loadable segment";
    elf->pie = elf->type == ET_DYN && (pie_flag || elf->linking == TARGET_LINKING_DYNAMIC);
    return NULL;
}

static bool read_at(int fd, void *to, unsigned long size, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

static const char *read_elf(int fd, struct target_elf *elf)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return "libelf is too old to read it";
    /* Not mapped: a file that shrinks meanwhile gives a read error, not SIGBUS. */
    Elf *handle = elf_begin(fd, ELF_C_READ, NULL);
    if (handle == NULL)
        return "its header cannot be read";
    const char *damage = NULL;
    GElf_Ehdr header;
    if (elf_kind(handle) != ELF_K_ELF || gelf_getehdr(handle, &header) == NULL) {
        damage = "its header is cut off or invalid";
    } else {
        elf->bits = gelf_getclass(handle) == ELFCLASS64 ? 64 : 32;
        elf->machine = header.e_machine;
        elf->type = header.e_type;
        damage = read_segments(fd, handle, elf);
        sanitizer_of_program(fd, read_at, elf->sanitizer);
    }
    elf_end(handle);
    return damage;
}

/* Splits a first line as the kernel's load_script() does. False: the kernel would refuse it. */
static bool parse_script(const char *head, size_t size, struct target_script *script)
{
    char line[TARGET_SCRIPT_LINE];
    const char *newline = memchr(head, '\n', size);
    bool whole_line = newline != NULL || size < sizeof(line);
    size_t length = newline != NULL ? (size_t)(newline - head) : size;
    if (!whole_line)
        length = sizeof(line) - 1;
    memcpy(line, head, length);
    line[length] = '\0';
    char *name = line + 2 + strspn(line + 2, " \t");
    char *name_end = name + strcspn(name, " \t");
    bool name_cut = !whole_line && name_end == line + length;
    if (name_end == name || name_cut)
        return false;
    char *argument = name_end + strspn(name_end, " \t");
    char *argument_end = argument + strlen(argument);
    while (argument_end > argument && strchr(" \t", argument_end[-1]) != NULL)
        argument_end--;
    *argument_end = '\0';
    *name_end = '\0';
    memcpy(script->interpreter, name, strlen(name) + 1);
    memcpy(script->argument, argument, strlen(argument) + 1);
    return true;
}

/* Looks at out->program. *script is what its first line says if it is a script.
 * Returns 1 for a script, 0 otherwise, -errno. */
static int inspect_file(struct target *out, struct target_script *script)
{
    struct stat st;
    int fd = open_regular(out->program, &st);
    if (fd < 0)
        return fd;
    char head[TARGET_SCRIPT_LINE];
    ssize_t size = pread(fd, head, sizeof(head), 0);
    int result = size < 0 ? -errno : 0;
    if (size < 0)
        goto close_file;
    out->head_size = (size_t)size < sizeof(out->head) ? (size_t)size : sizeof(out->head);
    memcpy(out->head, head, out->head_size);
    if (size >= 2 && memcmp(head, "#!", 2) == 0) {
        result = parse_script(head, (size_t)size, script) ? 1 : 0;
    } else if (size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
        out->damage = read_elf(fd, &out->elf);
        out->format = out->damage == NULL ? TARGET_FORMAT_ELF : TARGET_FORMAT_DAMAGED;
        out->privilege = find_privilege(fd, &st);
    }
close_file:
    close(fd);
    return result;
}

int inspect_program(const char *path, struct target *out)
{
    memset(out, 0, sizeof(*out));
    size_t length = strlen(path);
    if (length >= sizeof(out->path))
        return -ENAMETOOLONG;
    memcpy(out->path, path, length + 1);
    memcpy(out->program, path, length + 1);
    struct target_script script;
    int result = inspect_file(out, &script);
    if (result < 0)
        return result;
    while (result == 1) {
        if (out->script_count == TARGET_MAX_SCRIPTS) {
            out->too_many_scripts = true;
            return 0;
        }
        out->scripts[out->script_count++] = script;
        snprintf(out->program, sizeof(out->program), "%s", script.interpreter);
        result = find_executable(out->program);
        if (result == 0)
            result = inspect_file(out, &script);
    }
    out->program_error = result;
    return 0;
}
