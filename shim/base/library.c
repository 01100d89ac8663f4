#include "shim/base/library.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PAGE 4096u

/* ---- a way in ---- */

static uintptr_t in_loader;

static void nothing(void)
{
}

/* ld.so asks which function this is when it relocates the shim, before anything else happens here,
 * and nobody else does: the return address lies in ld.so. */
__attribute__((used, no_sanitize("address", "undefined"))) static void (*resolve(void))(void)
{
    in_loader = (uintptr_t)__builtin_return_address(0);
    return nothing;
}

static void asked(void) __attribute__((ifunc("resolve")));
static void (*const volatile question)(void) __attribute__((used)) = asked;

static bool is_header(const unsigned char *page)
{
    return page[0] == ELFMAG0 && page[1] == ELFMAG1 && page[2] == ELFMAG2 && page[3] == ELFMAG3;
}

static struct link_map header_of_loader(void)
{
    const unsigned char *page = (const unsigned char *)(in_loader & ~(uintptr_t)(PAGE - 1));
    while (!is_header(page))
        page -= PAGE;
    struct link_map loader = {.l_addr = (uintptr_t)page};
    const ElfW(Ehdr) *header = (const void *)page;
    const ElfW(Phdr) *segment = (const void *)(page + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_DYNAMIC)
            loader.l_ld = (void *)(page + segment[i].p_vaddr);
    return loader;
}

/* ---- tables ---- */

struct tables {
    uintptr_t base;
    const ElfW(Sym) * symbols;
    const char *strings;
    const uint32_t *hash, *gnu_hash;
    const uint16_t *versions;
    size_t soname; /* in `strings`, 0: none */
};

/* glibc has made addresses of the offsets in most of them. */
static const void *address_of(const struct link_map *library, const ElfW(Dyn) * d)
{
    uintptr_t value = d->d_un.d_ptr;
    return (const void *)(value < library->l_addr ? library->l_addr + value : value);
}

static struct tables tables_of(const struct link_map *library)
{
    struct tables t = {.base = library->l_addr};
    for (const ElfW(Dyn) *d = library->l_ld; d && d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            t.symbols = address_of(library, d);
        else if (d->d_tag == DT_STRTAB)
            t.strings = address_of(library, d);
        else if (d->d_tag == DT_HASH)
            t.hash = address_of(library, d);
        else if (d->d_tag == DT_GNU_HASH)
            t.gnu_hash = address_of(library, d);
        else if (d->d_tag == DT_VERSYM)
            t.versions = address_of(library, d);
        else if (d->d_tag == DT_SONAME)
            t.soname = d->d_un.d_val;
    }
    return t;
}

#define VERSION_HIDDEN 0x8000 /* not the default one; Solaris' rules, which glibc follows */
#define VERSION_FIRST 2       /* the first that is one at all */

static bool is_it(const struct tables *t, uint32_t index, const char *name)
{
    const ElfW(Sym) *s = &t->symbols[index];
    unsigned type = ELF32_ST_TYPE(s->st_info);
    uint16_t version = t->versions ? t->versions[index] : 0;
    bool old = version & VERSION_HIDDEN && (version & ~VERSION_HIDDEN) >= VERSION_FIRST;
    return s->st_shndx != SHN_UNDEF && ELF32_ST_BIND(s->st_info) != STB_LOCAL &&
           (type <= STT_FUNC || type == STT_GNU_IFUNC) && !old &&
           strcmp(t->strings + s->st_name, name) == 0;
}

/* The layout: number of buckets and of symbols, buckets, chains. */
static uint32_t find_by_hash(const struct tables *t, const char *name)
{
    uint32_t h = 0;
    for (const char *c = name; *c; c++) {
        h = (h << 4) + (unsigned char)*c;
        h = (h ^ (h >> 24 & 0xf0)) & 0x0fffffff;
    }
    const uint32_t *buckets = t->hash + 2, *chains = buckets + t->hash[0];
    for (uint32_t i = t->hash[0] ? buckets[h % t->hash[0]] : 0; i; i = chains[i])
        if (is_it(t, i, name))
            return i;
    return 0;
}

/* Number of buckets, first symbol, words of the filter and another number; filter, buckets, chains
 * of hashes, of which the last has bit 0 set. */
static uint32_t find_by_gnu_hash(const struct tables *t, const char *name)
{
    uint32_t h = 5381;
    for (const char *c = name; *c; c++)
        h = h * 33 + (unsigned char)*c;
    const uint32_t *table = t->gnu_hash;
    const uint32_t *buckets = table + 4 + table[2] * (sizeof(uintptr_t) / sizeof *table);
    const uint32_t *chains = buckets + table[0];
    uint32_t i = table[0] ? buckets[h % table[0]] : 0;
    for (; i; i = chains[i - table[1]] & 1 ? 0 : i + 1)
        if ((chains[i - table[1]] | 1) == (h | 1) && is_it(t, i, name))
            return i;
    return 0;
}

void *library_find(const struct link_map *library, const char *name, size_t *size)
{
    struct tables t = tables_of(library);
    if (!t.symbols || !t.strings || (!t.hash && !t.gnu_hash))
        return NULL;
    uint32_t index = t.gnu_hash ? find_by_gnu_hash(&t, name) : find_by_hash(&t, name);
    if (!index)
        return NULL;
    const ElfW(Sym) *s = &t.symbols[index];
    uintptr_t value = s->st_value + (s->st_shndx == SHN_ABS ? 0 : t.base);
    if (size)
        *size = s->st_size;
    if (ELF32_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
        return ((void *(*)(void))value)();
    return (void *)value;
}

void *library_search(const struct link_map *library, const char *name,
                     const struct link_map **definer)
{
    for (void *found; library; library = library->l_next)
        if ((found = library_find(library, name, NULL))) {
            if (definer)
                *definer = library;
            return found;
        }
    return NULL;
}

/* ---- the list ---- */

static const struct link_map *first, *own, *loader, *libc;

static bool is_named(const struct link_map *library, const char *soname)
{
    struct tables t = tables_of(library);
    return t.strings && t.soname && strcmp(t.strings + t.soname, soname) == 0;
}

void library_init(void)
{
    struct link_map header = header_of_loader();
    const struct r_debug *list = library_find(&header, "_r_debug", NULL);
    first = list->r_map;
    for (const struct link_map *l = first; l; l = l->l_next) {
        if (l->l_ld == _DYNAMIC) /* the shim's */
            own = l;
        else if (l->l_ld == header.l_ld)
            loader = l;
        else if (!libc && is_named(l, "libc.so.6"))
            libc = l;
    }
}

const struct link_map *library_first(void)
{
    return first;
}

const struct link_map *library_behind(void)
{
    return own->l_next;
}

const struct link_map *library_loader(void)
{
    return loader;
}

const struct link_map *library_libc(void)
{
    return libc;
}

void *library_system(const char *name)
{
    void *found = library_find(libc, name, NULL);
    return found ? found : library_find(loader, name, NULL);
}
