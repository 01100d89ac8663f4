#include "schemas/sanitizer.h"
#include <elf.h>
#include <string.h>

#define MOST_ENTRIES 1024u /* of the dynamic section */

static bool is_runtime(const char *path, size_t length)
{
    static const char *const names[] = {"libasan.so", "libtsan.so", "liblsan.so", "libhwasan.so",
                                        "libclang_rt."};
    const char *name = path;
    for (const char *c = path; c < path + length; c++)
        if (*c == '/')
            name = c + 1;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if ((size_t)(path + length - name) >= strlen(names[i]) &&
            strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

#define READ_NEEDED(bits)                                                                          \
    static bool read_at_address##bits(int fd, sanitizer_read *read_at, uint64_t address,           \
                                      char name[SANITIZER_NAME])                                   \
    {                                                                                              \
        Elf##bits##_Ehdr header;                                                                   \
        Elf##bits##_Phdr s;                                                                        \
        read_at(fd, &header, sizeof header, 0);                                                    \
        for (unsigned i = 0; i < header.e_phnum; i++)                                              \
            if (read_at(fd, &s, sizeof s, header.e_phoff + i * sizeof s) && s.p_type == PT_LOAD && \
                address - s.p_vaddr < s.p_filesz)                                                  \
                return read_at(fd, name, SANITIZER_NAME, address - s.p_vaddr + s.p_offset);        \
        return false;                                                                              \
    }                                                                                              \
                                                                                                   \
    static bool read_needed##bits(int fd, sanitizer_read *read_at, char name[SANITIZER_NAME])      \
    {                                                                                              \
        Elf##bits##_Ehdr header;                                                                   \
        Elf##bits##_Phdr s = {.p_type = PT_NULL};                                                  \
        Elf##bits##_Dyn d;                                                                         \
        uint64_t strings = 0, needed = 0;                                                          \
        if (!read_at(fd, &header, sizeof header, 0))                                               \
            return false;                                                                          \
        for (unsigned i = 0; i < header.e_phnum && s.p_type != PT_DYNAMIC; i++)                    \
            if (!read_at(fd, &s, sizeof s, header.e_phoff + i * sizeof s))                         \
                return false;                                                                      \
        for (unsigned i = 0; s.p_type == PT_DYNAMIC && i < MOST_ENTRIES; i++) {                    \
            if (!read_at(fd, &d, sizeof d, s.p_offset + i * sizeof d) || d.d_tag == DT_NULL)       \
                break;                                                                             \
            if (d.d_tag == DT_NEEDED && !needed)                                                   \
                needed = d.d_un.d_val;                                                             \
            else if (d.d_tag == DT_STRTAB)                                                         \
                strings = d.d_un.d_ptr;                                                            \
        }                                                                                          \
        return needed && strings && read_at_address##bits(fd, read_at, strings + needed, name);    \
    }
READ_NEEDED(32)
READ_NEEDED(64)

void sanitizer_of_program(int fd, sanitizer_read *read_at, char name[SANITIZER_NAME])
{
    unsigned char ident[EI_NIDENT];
    bool found = read_at(fd, ident, sizeof ident, 0) &&
                 (ident[EI_CLASS] == ELFCLASS64 ? read_needed64(fd, read_at, name)
                                                : read_needed32(fd, read_at, name));
    size_t length = found ? strnlen(name, SANITIZER_NAME) : SANITIZER_NAME;
    if (length == SANITIZER_NAME || strcspn(name, ": ") != length || !is_runtime(name, length))
        name[0] = '\0';
}

const char *sanitizer_before(const char *user, const char *of_program, size_t *length)
{
    const char *first = user ? user + strspn(user, ": ") : "";
    if (!*first) {
        *length = strlen(of_program);
        return of_program;
    }
    *length = strcspn(first, ": ");
    if (!is_runtime(first, *length))
        *length = 0;
    return first;
}
