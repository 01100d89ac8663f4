/* What the file of a program is. Nothing is executed, and no file is trusted: a damaged one is
 * reported, never a crash. */
#pragma once

#include "schemas/sanitizer.h"
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Linux follows "#!" this many times, then execve(2) fails with ELOOP. */
#define TARGET_MAX_SCRIPTS 5
/* The kernel looks at this many bytes of the first line of a script. */
#define TARGET_SCRIPT_LINE 256

enum target_format {
    TARGET_FORMAT_OTHER,   /* neither an ELF file nor a script */
    TARGET_FORMAT_ELF,     /* struct target_elf is filled in */
    TARGET_FORMAT_DAMAGED, /* begins like an ELF file; target.damage says what is wrong */
};

enum target_linking {
    TARGET_LINKING_STATIC,  /* no loader: static, static-pie */
    TARGET_LINKING_DYNAMIC, /* PT_INTERP names a loader */
};

/* Why execve(2) would start the program in secure mode (AT_SECURE), where LD_PRELOAD is ignored. */
enum target_privilege {
    TARGET_PRIVILEGE_NONE,
    TARGET_PRIVILEGE_SETUID,
    TARGET_PRIVILEGE_SETGID,
    TARGET_PRIVILEGE_CAPABILITIES, /* file capabilities, capabilities(7) */
};

struct target_elf {
    unsigned bits;      /* word size: 32 or 64 */
    unsigned machine;   /* EM_386, EM_X86_64, ... of <elf.h> */
    unsigned type;      /* ET_EXEC, ET_DYN, ... of <elf.h> */
    bool pie;           /* ET_DYN, and a program rather than a shared library */
    bool loader_exists; /* loader names a file of this system */
    enum target_linking linking;
    char sanitizer[SANITIZER_NAME]; /* library that has to come first; "" where there is none */
    char loader[PATH_MAX];          /* PT_INTERP; "" when statically linked */
};

struct target_script {
    char interpreter[TARGET_SCRIPT_LINE];
    char argument[TARGET_SCRIPT_LINE]; /* the optional argument, "" if there is none */
};

struct target {
    char path[PATH_MAX];    /* as given to inspect_program() */
    char program[PATH_MAX]; /* what the kernel runs: path, or the interpreter at the end of the
                               chain of scripts; everything below is about this file */
    unsigned script_count;  /* 0: path is not a script */
    struct target_script scripts[TARGET_MAX_SCRIPTS];
    bool too_many_scripts; /* the chain goes on after TARGET_MAX_SCRIPTS */
    int program_error;     /* -errno: the interpreter of a script cannot be executed; else 0 */
    enum target_format format;
    const char *damage; /* static text for TARGET_FORMAT_DAMAGED, else NULL */
    enum target_privilege privilege;
    struct target_elf elf;
    size_t head_size; /* bytes in head, 0 for an empty file */
    unsigned char head[16];
};

/* Fills in *out (all of it, the caller need not clear it). A file that cannot be traced is not an
 * error here. Returns 0, or -errno when path itself cannot be opened or read. */
int inspect_program(const char *path, struct target *out);
