#include "runner/symbols/debug_files.h"
#include "runner/base/memory.h"
#include "runner/symbols/regular.h"
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct elf_file no_file = {.fd = -1};

struct build_id {
    const unsigned char *bytes;
    size_t size; /* 0: none */
};

/* ---- files ---- */

static struct elf_file give_up(int fd, Elf *elf)
{
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return no_file;
}

struct elf_file elf_file_open(const char *path)
{
    struct stat st;
    int fd = regular_open(path);
    if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE || fstat(fd, &st) != 0)
        return give_up(fd, NULL);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (!elf || elf_kind(elf) != ELF_K_ELF)
        return give_up(fd, elf);
    return (struct elf_file){fd, elf, memory_text(path), (uint64_t)st.st_size};
}

void elf_file_close(struct elf_file *file)
{
    give_up(file->fd, file->elf);
    memory_put(file->path);
    *file = no_file;
}

static Elf_Scn *find_section(Elf *elf, const char *name)
{
    size_t names;
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        const char *found =
            gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (found && strcmp(found, name) == 0 && header.sh_type != SHT_NOBITS)
            return section;
    }
    return NULL;
}

bool elf_file_has_section(const struct elf_file *file, const char *name)
{
    return file->elf && find_section(file->elf, name);
}

/* libdw (0.188) reads strings beyond the end of a section if there is no zero byte. It has
 * decompressed the section by now. */
static bool has_endless_string(Elf *elf)
{
    static const char *const names[] = {".debug_line_str", ".zdebug_line_str", ".debug_str",
                                        ".zdebug_str"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Elf_Scn *section = find_section(elf, names[i]);
        const Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
        if (data && data->d_size &&
            (!data->d_buf || ((const char *)data->d_buf)[data->d_size - 1] != '\0'))
            return true;
    }
    return false;
}

Dwarf *elf_file_dwarf(const struct elf_file *file)
{
    Dwarf *dwarf = file->elf ? dwarf_begin_elf(file->elf, DWARF_C_READ, NULL) : NULL;
    if (!dwarf || !has_endless_string(file->elf))
        return dwarf;
    dwarf_end(dwarf);
    return NULL;
}

/* ---- whether it is the right one ---- */

static struct build_id id_of(Elf *elf)
{
    const void *bytes = NULL;
    ssize_t size = dwelf_elf_gnu_build_id(elf, &bytes);
    return (struct build_id){bytes, size > 0 ? (size_t)size : 0};
}

static bool has_id(const struct elf_file *file, struct build_id wanted)
{
    struct build_id id = id_of(file->elf);
    return wanted.size && id.size == wanted.size && memcmp(id.bytes, wanted.bytes, id.size) == 0;
}

/* CRC-32 as in the section .gnu_debuglink. */
static uint32_t checksum(int fd)
{
    static uint32_t table[256];
    unsigned char buffer[1 << 16];
    uint32_t crc = UINT32_MAX;
    off_t at = 0;
    ssize_t size;
    for (uint32_t i = 0; !table[255] && i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    while ((size = pread(fd, buffer, sizeof buffer, at)) > 0) {
        for (ssize_t i = 0; i < size; i++)
            crc = crc >> 8 ^ table[(crc ^ buffer[i]) & 0xff];
        at += size;
    }
    return ~crc;
}

static bool has_debug_information(const struct elf_file *file)
{
    return elf_file_has_section(file, ".debug_info") ||
           elf_file_has_section(file, ".zdebug_info") || elf_file_has_section(file, ".symtab");
}

/* ---- places ---- */

/* `root`/.build-id/ab/cdef.debug */
static struct elf_file open_by_id(const char *root, struct build_id id)
{
    char path[PATH_MAX];
    int used = snprintf(path, sizeof path, "%s/.build-id/", root);
    if (id.size < 2 || id.size > 64 || used < 0 || (size_t)used + 160 > sizeof path)
        return no_file;
    for (size_t i = 0; i < id.size; i++)
        used += sprintf(path + used, i == 0 ? "%02x/" : "%02x", id.bytes[i]);
    strcpy(path + used, ".debug");
    struct elf_file file = elf_file_open(path);
    if (file.elf && !has_id(&file, id))
        elf_file_close(&file);
    return file;
}

/* A file by a path of three parts; {-1} if that is too long. */
static struct elf_file open_joined(const char *root, const char *folder, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    return length > 0 && (size_t)length < sizeof path ? elf_file_open(path) : no_file;
}

/* The folder of the file, without the last slash. */
static void folder_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 0, path);
}

static struct elf_file open_by_link(const struct elf_file *program, const char *root)
{
    GElf_Word crc;
    const char *link = dwelf_elf_gnu_debuglink(program->elf, &crc);
    struct build_id id = id_of(program->elf);
    char folder[PATH_MAX], below[PATH_MAX + 8];
    if (!link || !link[0] || strchr(link, '/'))
        return no_file;
    folder_of(program->path, folder);
    snprintf(below, sizeof below, "%s/.debug", folder);
    const char *const places[][2] = {{"", folder}, {"", below}, {root, folder}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct elf_file file = open_joined(places[i][0], places[i][1], link);
        if (file.elf && has_debug_information(&file) &&
            (id.size ? has_id(&file, id) : checksum(file.fd) == crc))
            return file;
        elf_file_close(&file);
    }
    return no_file;
}

struct elf_file debug_file_find(const struct elf_file *program, const char *root)
{
    struct elf_file file = open_by_id(root, id_of(program->elf));
    return file.elf ? file : open_by_link(program, root);
}

struct elf_file debug_file_find_common(Dwarf *dwarf, const struct elf_file *file, const char *root)
{
    const char *name;
    const void *bytes;
    ssize_t size = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &bytes);
    char folder[PATH_MAX];
    if (size <= 0)
        return no_file;
    struct build_id id = {bytes, (size_t)size};
    folder_of(file->path, folder);
    struct elf_file common = name[0] == '/' ? elf_file_open(name) : open_joined("", folder, name);
    if (common.elf && has_id(&common, id))
        return common;
    elf_file_close(&common);
    return open_by_id(root, id);
}

/* ---- packed symbols ---- */

/* libdw unpacks what is in a file. */
static int in_a_file(const Elf_Data *data)
{
    int fd = memfd_create("procmap-trace-symbols", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, data->d_buf, data->d_size) == (ssize_t)data->d_size &&
        lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

struct elf_file debug_file_unpack_symbols(const struct elf_file *program)
{
    Elf_Scn *section = find_section(program->elf, ".gnu_debugdata");
    Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
    int fd = data && data->d_buf && data->d_size ? in_a_file(data) : -1;
    if (fd < 0)
        return no_file;
    Elf *elf = dwelf_elf_begin(fd);
    if (!elf || elf_kind(elf) != ELF_K_ELF)
        return give_up(fd, elf);
    return (struct elf_file){fd, elf, memory_text(program->path), data->d_size};
}
