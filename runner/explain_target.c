#include "runner/explain_target.h"
#include "runner/base/translate.h"
#include "runner/program/judge.h"
#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t length = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + length, size - length, format, arguments);
    va_end(arguments);
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

/* What the program is, and what a copy of it must be without. */
static const struct {
    const char *name, *without;
} privileges[] = {
    [TARGET_PRIVILEGE_NONE] = {"ordinary", "nothing"},
    [TARGET_PRIVILEGE_SETUID] = {"setuid", "the setuid bit"},
    [TARGET_PRIVILEGE_SETGID] = {"setgid", "the setgid bit"},
    [TARGET_PRIVILEGE_CAPABILITIES] = {"privileged (file capabilities)", "its capabilities"},
};

static void explain_loader(const struct target_elf *elf, char *why, size_t size)
{
    bool musl = strstr(elf->loader, "musl") != NULL;
    append(why, size, _("its loader %s is missing; install the %u-bit %sC library"), elf->loader,
           elf->bits, musl ? "musl " : "");
    append(why, size, _(" (Debian: apt-get install %s:%s)"), musl ? "musl" : "libc6",
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
        append(why, size, _("an object file, not a program; link it with gcc"));
    } else if (target->format == TARGET_FORMAT_ELF && target->elf.type == ET_DYN) {
        append(why, size, _("a shared library, not a program; trace a program that uses it"));
    } else if (target->format == TARGET_FORMAT_ELF) {
        append(why, size, _("an ELF file of type %u, not a program%s"), target->elf.type,
               target->elf.type == ET_CORE ? _(" but a core dump; trace the program itself") : "");
    } else if (target->head_size == 0) {
        append(why, size, _("not an ELF program but an empty file; give a compiled program"));
    } else if (memcmp(target->head, "#!", 2) == 0) {
        append(why, size, _("a script whose first line names no interpreter; correct that line"));
    } else {
        quote_head(target, head);
        append(why, size, _("not an ELF program (the first bytes are \"%s\"); compile it first"),
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
        append(why, size, _("a damaged ELF file: %s; build it again"), target->damage);
        break;
    case TARGET_FOREIGN:
        append(why, size, _("is for %s, not for this machine; compile with gcc"),
               machine_name(target->elf.machine, number));
        break;
    case TARGET_X32:
        append(why, size,
               _("an x32 program, which cannot be traced; compile with gcc -m32 or -m64"));
        break;
    case TARGET_OTHER_LIBC:
        append(why, size,
               _("uses another C library than glibc (loader %s): the shim cannot be loaded"),
               target->elf.loader);
        break;
    case TARGET_SECURE:
        append(why, size, _("a %s program ignores LD_PRELOAD; run a copy of it without %s"),
               privileges[target->privilege].name, privileges[target->privilege].without);
        break;
    case TARGET_STATIC:
        append(why, size,
               _("statically linked: the shim cannot be loaded; link it without -static"));
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
        append(why, size, _("cannot be executed (%s)"), strerror(-target->program_error));
        break;
    case TARGET_DAMAGED:
        append(why, size, _("is a damaged ELF file: %s"), target->damage);
        break;
    case TARGET_FOREIGN:
        append(why, size, _("is for %s, not for this machine"),
               machine_name(target->elf.machine, number));
        break;
    case TARGET_X32:
        append(why, size, _("is an x32 program"));
        break;
    case TARGET_OTHER_LIBC:
        append(why, size, _("uses another C library than glibc: the shim cannot be loaded"));
        break;
    case TARGET_SECURE:
        append(why, size, _("is %s and ignores LD_PRELOAD"), privileges[target->privilege].name);
        break;
    case TARGET_STATIC:
        append(why, size, _("is statically linked: the shim cannot be loaded"));
        break;
    case TARGET_LOADER_MISSING:
        append(why, size, _("needs the loader %s, which is missing"), target->elf.loader);
        break;
    default:
        append(why, size, _("is not a program"));
    }
}

static void explain_script(const struct target *target, enum target_obstacle obstacle, char *why,
                           size_t size)
{
    if (obstacle == TARGET_SCRIPT_LOOP) {
        append(why, size,
               _("a script run by a script, and so on more than %d times; correct its first line"),
               TARGET_MAX_SCRIPTS);
        return;
    }
    bool runs = obstacle == TARGET_X32 || obstacle == TARGET_STATIC || obstacle == TARGET_SECURE ||
                obstacle == TARGET_OTHER_LIBC;
    append(why, size, _("a script run by %s, which "), target->program);
    explain_interpreter(target, obstacle, why, size);
    append(why, size, "; %s",
           runs ? _("trace the program that the script starts") : _("correct its first line"));
}

void explain_target(const struct target *target, char *why, size_t size)
{
    enum target_obstacle obstacle = judge_target(target);
    why[0] = '\0';
    if (obstacle == TARGET_TRACEABLE)
        return;
    if (target->script_count > 0)
        explain_script(target, obstacle, why, size);
    else
        explain_program(target, obstacle, why, size);
    /* Names in files are foreign input, and this is to be one line. */
    for (char *c = why; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}
