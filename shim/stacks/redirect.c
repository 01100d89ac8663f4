#include "shim/stacks/redirect.h"
#include "shim/base/sys.h"
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

#ifdef __i386__
typedef ElfW(Rel) relocation;
#define SYMBOL_OF(info) ELF32_R_SYM(info)
#else
typedef ElfW(Rela) relocation;
#define SYMBOL_OF(info) ELF64_R_SYM(info)
#endif

struct calls {
    const relocation *list; /* DT_JMPREL: one for each function of another library */
    size_t size;            /* in bytes */
    const ElfW(Sym) * symbols;
    const char *names;
    uintptr_t base;
};

/* glibc has made addresses of them already (elf/get-dynamic-info.h). */
static struct calls calls_of(const struct link_map *library)
{
    struct calls c = {.base = library->l_addr};
    for (const ElfW(Dyn) *d = library->l_ld; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_JMPREL)
            c.list = (const void *)d->d_un.d_ptr;
        else if (d->d_tag == DT_PLTRELSZ)
            c.size = d->d_un.d_val;
        else if (d->d_tag == DT_SYMTAB)
            c.symbols = (const void *)d->d_un.d_ptr;
        else if (d->d_tag == DT_STRTAB)
            c.names = (const void *)d->d_un.d_ptr;
    }
    return c;
}

/* The table is read-only where all symbols are bound at load time. */
static void write_place(uintptr_t place, const void *value)
{
    uintptr_t page = place & ~(uintptr_t)(PAGE - 1);
    if (sys3(__NR_mprotect, page, PAGE, PROT_READ | PROT_WRITE) == 0)
        *(const void **)place = value;
}

void redirect(const struct link_map *library, const struct redirection *list)
{
    struct calls c = calls_of(library);
    for (size_t i = 0; c.list && c.symbols && c.names && i < c.size / sizeof *c.list; i++) {
        const char *name = c.names + c.symbols[SYMBOL_OF(c.list[i].r_info)].st_name;
        for (const struct redirection *r = list; r->name; r++)
            if (strcmp(name, r->name) == 0)
                write_place(c.base + c.list[i].r_offset, (const void *)r->function);
    }
}
