#include "runner/program/judge.h"
#include "schemas/loader.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

enum target_obstacle judge_target(const struct target *target)
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
    bool loader = elf->type == ET_DYN && elf->linking == TARGET_LINKING_STATIC &&
                  loader_is_glibc(target->program);
    if (elf->type != ET_EXEC && !elf->pie && !loader)
        return TARGET_NOT_A_PROGRAM;
    if ((elf->bits == 32) != (elf->machine == EM_386))
        return TARGET_X32;
    if (target->privilege != TARGET_PRIVILEGE_NONE)
        return TARGET_SECURE;
    if (loader)
        return TARGET_LOADER;
    if (elf->linking == TARGET_LINKING_STATIC)
        return TARGET_STATIC;
    if (!elf->loader_exists)
        return TARGET_LOADER_MISSING;
    return loader_is_glibc(elf->loader) ? TARGET_TRACEABLE : TARGET_OTHER_LIBC;
}

int judge_error(enum target_obstacle obstacle)
{
    switch (obstacle) {
    case TARGET_TRACEABLE:
    case TARGET_LOADER: /* the program that it runs is */
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

int judge_exit_status(int error)
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
