#include "runner/program/target.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- finding ---- */

static int check_executable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

static int try_candidate(const char *dir, size_t dir_length, const char *name, char *path)
{
    char candidate[PATH_MAX];
    int length;
    if (dir_length == 0)
        length = snprintf(candidate, sizeof(candidate), "./%s", name);
    else
        length = snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)dir_length, dir, name);
    if (length < 0 || (size_t)length >= sizeof(candidate))
        return -ENAMETOOLONG;
    int error = check_executable(candidate);
    if (error == 0)
        memcpy(path, candidate, (size_t)length + 1);
    return error;
}

static int search_path(const char *name, char *path)
{
    const char *dirs = getenv("PATH");
    if (dirs == NULL)
        dirs = "/bin:/usr/bin";
    int result = -ENOENT;
    for (;;) {
        size_t length = strcspn(dirs, ":");
        int error = length < PATH_MAX ? try_candidate(dirs, length, name, path) : -ENAMETOOLONG;
        if (error == 0)
            return 0;
        if (error == -EACCES || error == -EISDIR)
            result = error;
        if (dirs[length] == '\0')
            return result;
        dirs += length + 1;
    }
}

int target_find(const char *name, char path[PATH_MAX])
{
    if (name[0] == '\0')
        return -ENOENT;
    size_t length = strlen(name);
    if (length >= PATH_MAX)
        return -ENAMETOOLONG;
    if (strchr(name, '/') == NULL)
        return search_path(name, path);
    int error = check_executable(name);
    if (error == 0)
        memcpy(path, name, length + 1);
    return error;
}

/* ---- inspecting ---- */

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
    size_t count, size;
    if (elf_rawfile(handle, &size) == NULL)
        return "it cannot be read";
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
static int inspect_program(struct target *out, struct target_script *script)
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

int target_inspect(const char *path, struct target *out)
{
    memset(out, 0, sizeof(*out));
    size_t length = strlen(path);
    if (length >= sizeof(out->path))
        return -ENAMETOOLONG;
    memcpy(out->path, path, length + 1);
    memcpy(out->program, path, length + 1);
    struct target_script script;
    int result = inspect_program(out, &script);
    if (result < 0)
        return result;
    while (result == 1) {
        if (out->script_count == TARGET_MAX_SCRIPTS) {
            out->too_many_scripts = true;
            return 0;
        }
        out->scripts[out->script_count++] = script;
        snprintf(out->program, sizeof(out->program), "%s", script.interpreter);
        result = check_executable(out->program);
        if (result == 0)
            result = inspect_program(out, &script);
    }
    out->program_error = result;
    return 0;
}

/* ---- judging ---- */

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
}

/* /lib/ld-linux.so.2, /lib64/ld-linux-x86-64.so.2; the shim is linked with glibc. */
static bool is_loader_of_glibc(const char *loader)
{
    return strncmp(basename(loader), "ld-linux", 8) == 0;
}

enum target_obstacle target_obstacle(const struct target *target)
{
    const struct target_elf *elf = &target->elf;
    if (target->too_many_scripts)
        return TARGET_SCRIPT_LOOP;
    if (target->program_error != 0)
        return TARGET_INTERPRETER_FAILED;
    if (target->format == TARGET_FORMAT_DAMAGED)
        return TARGET_DAMAGED;
    if (target->format != TARGET_FORMAT_ELF)
        return TARGET_NOT_A_PROGRAM;
    if (elf->machine != EM_386 && elf->machine != EM_X86_64)
        return TARGET_FOREIGN;
    if (elf->type != ET_EXEC && !elf->pie)
        return TARGET_NOT_A_PROGRAM;
    if ((elf->bits == 32) != (elf->machine == EM_386))
        return TARGET_X32;
    if (target->privilege != TARGET_PRIVILEGE_NONE)
        return TARGET_SECURE;
    if (elf->linking == TARGET_LINKING_STATIC)
        return TARGET_STATIC;
    if (!elf->loader_exists)
        return TARGET_LOADER_MISSING;
    return is_loader_of_glibc(elf->loader) ? TARGET_TRACEABLE : TARGET_OTHER_LIBC;
}

static const char *machine_name(unsigned machine, char number[32])
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {
        {EM_ARM, "ARM"},       {EM_AARCH64, "64-bit ARM"}, {EM_RISCV, "RISC-V"},
        {EM_MIPS, "MIPS"},     {EM_PPC, "PowerPC"},        {EM_PPC64, "64-bit PowerPC"},
        {EM_S390, "IBM Z"},    {EM_SPARC, "SPARC"},        {EM_SPARCV9, "64-bit SPARC"},
        {EM_IA_64, "Itanium"}, {EM_ALPHA, "Alpha"},        {EM_PARISC, "PA-RISC"},
        {EM_68K, "68000"},     {EM_SH, "SuperH"},          {EM_LOONGARCH, "LoongArch"},
        {EM_AVR, "the AVR"},   {EM_MSP430, "the MSP430"},  {EM_BPF, "BPF"},
        {EM_XTENSA, "Xtensa"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].machine == machine)
            return names[i].name;
    }
    snprintf(number, 32, "ELF machine %u", machine);
    return number;
}

static const char *privilege_name(enum target_privilege privilege)
{
    switch (privilege) {
    case TARGET_PRIVILEGE_SETUID:
        return "setuid";
    case TARGET_PRIVILEGE_SETGID:
        return "setgid";
    case TARGET_PRIVILEGE_CAPABILITIES:
        return "privileged (file capabilities)";
    case TARGET_PRIVILEGE_NONE:
        break;
    }
    return "ordinary";
}

static void explain_privilege(enum target_privilege privilege, char *why, size_t size)
{
    const char *without = "the setuid bit";
    if (privilege == TARGET_PRIVILEGE_SETGID)
        without = "the setgid bit";
    else if (privilege == TARGET_PRIVILEGE_CAPABILITIES)
        without = "its capabilities";
    append(why, size, "a %s program ignores LD_PRELOAD; run a copy of it without %s",
           privilege_name(privilege), without);
}

static void explain_loader(const struct target_elf *elf, char *why, size_t size)
{
    bool musl = strstr(elf->loader, "musl") != NULL;
    append(why, size, "its loader %s is missing; install the %u-bit %sC library", elf->loader,
           elf->bits, musl ? "musl " : "");
    append(why, size, " (Debian: apt-get install %s:%s)", musl ? "musl" : "libc6",
           elf->bits == 32 ? "i386" : "amd64");
}

/* The first bytes as a string in C notation: text[4 * 16 + 1] is enough for target.head. */
static void quote_head(const struct target *target, char *text)
{
    for (size_t i = 0; i < target->head_size && i < 8; i++) {
        unsigned char byte = target->head[i];
        if (byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\')
            *text++ = (char)byte;
        else
            text += sprintf(text, "\\x%02x", byte);
    }
    *text = '\0';
}

static void explain_no_program(const struct target *target, char *why, size_t size)
{
    char head[4 * sizeof(target->head) + 1];
    if (target->format == TARGET_FORMAT_ELF && target->elf.type == ET_REL) {
        append(why, size, "an object file, not a program; link it with gcc");
    } else if (target->format == TARGET_FORMAT_ELF && target->elf.type == ET_DYN) {
        append(why, size, "a shared library, not a program; trace a program that uses it");
    } else if (target->format == TARGET_FORMAT_ELF) {
        append(why, size, "an ELF file of type %u, not a program%s", target->elf.type,
               target->elf.type == ET_CORE ? " but a core dump; trace the program itself" : "");
    } else if (target->head_size == 0) {
        append(why, size, "not an ELF program but an empty file; give a compiled program");
    } else if (memcmp(target->head, "#!", 2) == 0) {
        append(why, size, "a script whose first line names no interpreter; correct that line");
    } else {
        quote_head(target, head);
        append(why, size, "not an ELF program (the first bytes are \"%s\"); compile it first",
               head);
    }
}

static void explain_program(const struct target *target, enum target_obstacle obstacle, char *why,
                            size_t size)
{
    char number[32];
    switch (obstacle) {
    case TARGET_NOT_A_PROGRAM:
        explain_no_program(target, why, size);
        break;
    case TARGET_DAMAGED:
        append(why, size, "a damaged ELF file: %s; build it again", target->damage);
        break;
    case TARGET_FOREIGN:
        append(why, size, "is for %s, not for this machine; compile with gcc",
               machine_name(target->elf.machine, number));
        break;
    case TARGET_X32:
        append(why, size, "an x32 program, which cannot be traced; compile with gcc -m32 or -m64");
        break;
    case TARGET_OTHER_LIBC:
        append(why, size,
               "uses another C library than glibc (loader %s): the shim cannot be loaded",
               target->elf.loader);
        break;
    case TARGET_SECURE:
        explain_privilege(target->privilege, why, size);
        break;
    case TARGET_STATIC:
        append(why, size, "statically linked: the shim cannot be loaded; link it without -static");
        break;
    case TARGET_LOADER_MISSING:
        explain_loader(&target->elf, why, size);
        break;
    default:
        break;
    }
}

/* What the interpreter of a script is, as the rest of a sentence: "INTERPRETER, which ...". */
static void explain_interpreter(const struct target *target, enum target_obstacle obstacle,
                                char *why, size_t size)
{
    char number[32];
    switch (obstacle) {
    case TARGET_INTERPRETER_FAILED:
        append(why, size, "cannot be executed (%s)", strerror(-target->program_error));
        break;
    case TARGET_DAMAGED:
        append(why, size, "is a damaged ELF file: %s", target->damage);
        break;
    case TARGET_FOREIGN:
        append(why, size, "is for %s, not for this machine",
               machine_name(target->elf.machine, number));
        break;
    case TARGET_X32:
        append(why, size, "is an x32 program");
        break;
    case TARGET_OTHER_LIBC:
        append(why, size, "uses another C library than glibc: the shim cannot be loaded");
        break;
    case TARGET_SECURE:
        append(why, size, "is %s and ignores LD_PRELOAD", privilege_name(target->privilege));
        break;
    case TARGET_STATIC:
        append(why, size, "is statically linked: the shim cannot be loaded");
        break;
    case TARGET_LOADER_MISSING:
        append(why, size, "needs the loader %s, which is missing", target->elf.loader);
        break;
    default:
        append(why, size, "is not a program");
    }
}

static void explain_script(const struct target *target, enum target_obstacle obstacle, char *why,
                           size_t size)
{
    if (obstacle == TARGET_SCRIPT_LOOP) {
        append(why, size,
               "a script run by a script, and so on more than %d times; correct its first line",
               TARGET_MAX_SCRIPTS);
        return;
    }
    bool runs = obstacle == TARGET_X32 || obstacle == TARGET_STATIC || obstacle == TARGET_SECURE ||
                obstacle == TARGET_OTHER_LIBC;
    append(why, size, "a script run by %s, which ", target->program);
    explain_interpreter(target, obstacle, why, size);
    append(why, size, "; %s",
           runs ? "trace the program that the script starts" : "correct its first line");
}

static int obstacle_error(enum target_obstacle obstacle)
{
    switch (obstacle) {
    case TARGET_TRACEABLE:
        return 0;
    case TARGET_X32:
    case TARGET_OTHER_LIBC:
    case TARGET_SECURE:
    case TARGET_STATIC:
        return -ENOTSUP;
    case TARGET_SCRIPT_LOOP:
        return -ELOOP;
    case TARGET_INTERPRETER_FAILED:
    case TARGET_LOADER_MISSING:
        return -ELIBACC;
    case TARGET_NOT_A_PROGRAM:
    case TARGET_DAMAGED:
    case TARGET_FOREIGN:
        break;
    }
    return -ENOEXEC;
}

int target_check(const struct target *target, char *why, size_t why_size)
{
    enum target_obstacle obstacle = target_obstacle(target);
    why[0] = '\0';
    if (obstacle == TARGET_TRACEABLE)
        return 0;
    if (target->script_count > 0)
        explain_script(target, obstacle, why, why_size);
    else
        explain_program(target, obstacle, why, why_size);
    /* Names in files are foreign input, and this line goes to a terminal. */
    for (char *c = why; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    return obstacle_error(obstacle);
}

int target_exit_status(int error)
{
    switch (-error) {
    case ENOENT:
        return 127;
    case EACCES:
    case EISDIR:
    case ENOEXEC:
    case ELIBACC:
    case ELIBBAD:
    case ELOOP:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EPERM:
    case ETXTBSY:
    case E2BIG:
    case EINVAL:
        return 126;
    default:
        return 125;
    }
}
