#include "shim/stacks/redirect.h"
#include "shim/base/library.h"
#include "shim/base/sys.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

#ifdef __i386__
typedef ElfW(Rel) relocation;
enum { TABLE = DT_REL, TABLE_SIZE = DT_RELSZ, CALL = R_386_JMP_SLOT, ADDRESS = R_386_GLOB_DAT };
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#define TYPE_OF(info) ELF32_R_TYPE(info)
#else
typedef ElfW(Rela) relocation;
enum { TABLE = DT_RELA, TABLE_SIZE = DT_RELASZ, CALL = R_X86_64_JUMP_SLOT };
enum { ADDRESS = R_X86_64_GLOB_DAT };
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#define TYPE_OF(info) ELF64_R_TYPE(info)
#endif

/* glibc has made addresses of them already (elf/get-dynamic-info.h). */
static uintptr_t value_of(const struct link_map *library, ElfW(Sword) tag)
{
    for (const ElfW(Dyn) *d = library->l_ld; d->d_tag != DT_NULL; d++)
        if (d->d_tag == tag)
            return d->d_un.d_val;
    return 0;
}

/* The table is read-only where all symbols are bound at load time. */
static void write_place(uintptr_t place, const void *value)
{
    uintptr_t page = place & ~(uintptr_t)(PAGE - 1);
    if (sys3(__NR_mprotect, page, PAGE, PROT_READ | PROT_WRITE) == 0)
        *(const void **)place = value;
}

static const void *target_of(const char *name, const struct redirection *list)
{
    for (const struct redirection *r = list; r->name; r++)
        if (strcmp(name, r->name) == 0)
            return (const void *)r->function;
    return library_system(name);
}

static void redirect_table(const struct link_map *library, const struct redirection *list,
                           uintptr_t table, size_t size)
{
    const ElfW(Sym) *symbols = (const void *)value_of(library, DT_SYMTAB);
    const char *names = (const void *)value_of(library, DT_STRTAB);
    for (const relocation *r = (const void *)table; (uintptr_t)(r + 1) <= table + size; r++) {
        const ElfW(Sym) *symbol = &symbols[SYMBOL_OF(r->r_info)];
        if (symbol->st_shndx != SHN_UNDEF ||
            (TYPE_OF(r->r_info) != CALL && TYPE_OF(r->r_info) != ADDRESS))
            continue;
        const void *function = target_of(names + symbol->st_name, list);
        if (function)
            write_place(library->l_addr + r->r_offset, function);
    }
}

void redirect(const struct link_map *library, const struct redirection *list)
{
    redirect_table(library, list, value_of(library, DT_JMPREL), value_of(library, DT_PLTRELSZ));
    redirect_table(library, list, value_of(library, TABLE), value_of(library, TABLE_SIZE));
}
