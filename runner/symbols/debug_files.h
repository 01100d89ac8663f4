/* ELF files, and where the debug information that was split off them is: in files of this machine,
 * never from the network. */
#pragma once

#include <elfutils/libdw.h>
#include <stdbool.h>

#define DEBUG_ROOT "/usr/lib/debug"

/* An open file. Read piece by piece, not mapped: if it shrinks meanwhile that is a read error, and
 * no SIGBUS. */
struct elf_file {
    int fd; /* -1 if there is none */
    Elf *elf;
    char *path;
    uint64_t size; /* in bytes, when it was opened */
};

/* A regular file that is ELF. What is not gives {-1}. */
struct elf_file elf_file_open(const char *path);
void elf_file_close(struct elf_file *file);
bool elf_file_has_section(const struct elf_file *file, const char *name);

/* The DWARF of the file; NULL if there is none, or it is damaged in a way that libdw does not
 * see. */
Dwarf *elf_file_dwarf(const struct elf_file *file);

/* The file with the debug information of `program`: by its build id below `root`, or by its
 * .gnu_debuglink in the program's folder, the folder .debug of that, or below `root`; as gdb does.
 * A file of another build is not taken: build ids must be the same, or without one the checksum.
 * {-1} if there is none. */
struct elf_file debug_file_find(const struct elf_file *program, const char *root);

/* The file that dwz moved what is common to several files to (.gnu_debugaltlink of `dwarf`, which
 * is in `file`). {-1} if there is none. */
struct elf_file debug_file_find_common(Dwarf *dwarf, const struct elf_file *file, const char *root);

/* The symbol table that is packed into section .gnu_debugdata, as an ELF file; {-1} if there is
 * none. */
struct elf_file debug_file_unpack_symbols(const struct elf_file *program);
