/* What is the program that the user wants to trace, and can it be traced?
 *
 * Three steps: target_find() turns a name into a path as env(1) does, target_inspect() reads what
 * the file is, target_check() says whether the preloaded shim can trace it, and if not, why.
 * Nothing is executed, and no file is trusted: a damaged one is reported, never a crash. */
#ifndef PROCMAP_TRACE_TARGET_H
#define PROCMAP_TRACE_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    char loader[PATH_MAX]; /* PT_INTERP; "" when statically linked */
};

struct target_script {
    char interpreter[TARGET_SCRIPT_LINE];
    char argument[TARGET_SCRIPT_LINE]; /* the optional argument, "" if there is none */
};

struct target {
    char path[PATH_MAX];    /* as given to target_inspect() */
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

enum target_obstacle {
    TARGET_TRACEABLE,
    TARGET_SCRIPT_LOOP,        /* more than TARGET_MAX_SCRIPTS scripts in a row */
    TARGET_INTERPRETER_FAILED, /* the interpreter of a script cannot be executed */
    TARGET_NOT_A_PROGRAM,      /* neither ELF nor script; an object file, a library, a core dump */
    TARGET_DAMAGED,
    TARGET_FOREIGN, /* for another machine */
    TARGET_X32,     /* x86-64 with 32-bit addresses */
    TARGET_SECURE,  /* LD_PRELOAD would be ignored */
    TARGET_STATIC,  /* nothing that would load the shim */
    TARGET_LOADER_MISSING,
    TARGET_OTHER_LIBC, /* dynamic, but not with glibc: musl */
};

/* Finds the program as execvp(3) does: a name with a slash is the path, any other is searched in
 * PATH. path is written only on success.
 * Returns 0, -ENOENT, -EACCES (there, but not executable), -EISDIR, or another error of stat(2). */
int target_find(const char *name, char path[PATH_MAX]);

/* Fills in *out (all of it, the caller need not clear it). A file that cannot be traced is not an
 * error here. Returns 0, or -errno when path itself cannot be opened or read. */
int target_inspect(const char *path, struct target *out);

/* What keeps the preloaded shim from tracing the target; TARGET_TRACEABLE if nothing does.
 * A script is traced through: its interpreter counts. */
enum target_obstacle target_obstacle(const struct target *target);

/* The same, for the user: why gets one line, without end of line and without control characters,
 * that says what is wrong and what to do; "" when traceable. why_size is at least 1.
 * Returns 0 when traceable; -ENOTSUP when the program could run but not be traced; -ENOEXEC,
 * -ELIBACC (a loader or interpreter is missing) or -ELOOP when it cannot be executed at all. */
int target_check(const struct target *target, char *why, size_t why_size);

/* The exit status for an error (-errno) of the functions above or of execve(2), as env(1) has it:
 * 127 not found, 126 found but cannot be executed, 125 a failure or limit of our own. */
int target_exit_status(int error);

#endif
