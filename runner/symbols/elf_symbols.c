#include "runner/symbols/elf_symbols.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

/* How far behind a symbol without a size an address may lie. */
#define GUESS_DISTANCE 4096

/* Of the names of one function the one that people write ranks highest: malloc before
 * __libc_malloc, mmap before mmap64. */
static uint64_t name_rank(const char *name)
{
    uint64_t underscores = strspn(name, "_");
    return ~(underscores << 32 | (strlen(name) & UINT32_MAX));
}

/* A symbol's name without its version: malloc@@GLIBC_2.0. */
static const char *unversioned(struct elf_symbols *s, const char *name)
{
    const char *at = strchr(name, '@');
    if (!at || at == name)
        return name;
    char *text = memory_text(name);
    text[at - name] = '\0';
    const char *kept = names_intern(&s->cut, text);
    memory_put(text);
    return kept;
}

static void add(struct elf_symbols *s, const char *name, struct span span, bool guessed)
{
    if (s->count == SPANS_NONE)
        return;
    span.value = (uint32_t)s->count;
    span.rank = name_rank(name);
    *array_add(s->list, s->count, s->room) = name;
    *array_add(s->starts.items, s->starts.count, s->starts.room) = span.start;
    spans_add(guessed ? &s->guessed : &s->sized, span);
}

/* The section of code that the symbol lies in; false if it is no code. */
static bool find_code(Elf *elf, const GElf_Sym *symbol, GElf_Shdr *section)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
        return false;
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx < SHN_LORESERVE &&
           gelf_getshdr(elf_getscn(elf, symbol->st_shndx), section) &&
           (section->sh_flags & SHF_EXECINSTR);
}

static void add_symbol(struct elf_symbols *s, Elf *elf, size_t strings, const GElf_Sym *symbol,
                       uint64_t bias)
{
    GElf_Shdr section;
    if (!find_code(elf, symbol, &section))
        return;
    const char *name = elf_strptr(elf, strings, symbol->st_name);
    if (!name || !name[0])
        return;
    uint64_t end = symbol->st_value + symbol->st_size;
    if (!symbol->st_size) {
        uint64_t section_end = section.sh_addr + section.sh_size;
        end = symbol->st_value + GUESS_DISTANCE;
        end = end < section_end ? end : section_end;
    }
    struct span span = {.start = symbol->st_value + bias, .end = end + bias};
    if (span.start < span.end)
        add(s, unversioned(s, name), span, !symbol->st_size);
}

static void add_table(struct elf_symbols *s, Elf *elf, Elf_Scn *table, size_t strings,
                      uint64_t bias)
{
    GElf_Sym symbol;
    Elf_Data *data = elf_getdata(table, NULL);
    for (int i = 1; data && gelf_getsym(data, i, &symbol); i++)
        add_symbol(s, elf, strings, &symbol, bias);
}

bool elf_symbols_add(struct elf_symbols *s, Elf *elf, uint64_t bias)
{
    bool found = false;
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        if (!gelf_getshdr(section, &header) ||
            (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
            continue;
        found |= header.sh_type == SHT_SYMTAB;
        add_table(s, elf, section, header.sh_link, bias);
    }
    return found;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The first start behind `start`, or UINT64_MAX. */
static uint64_t next_start(const struct starts *starts, uint64_t start)
{
    size_t next = array_first(at, starts->count, starts->items[at] > start);
    return next < starts->count ? starts->items[next] : UINT64_MAX;
}

void elf_symbols_close(struct elf_symbols *s)
{
    if (s->starts.count)
        qsort(s->starts.items, s->starts.count, sizeof *s->starts.items, compare);
    for (size_t i = 0; i < s->guessed.count; i++) {
        uint64_t next = next_start(&s->starts, s->guessed.items[i].start);
        if (s->guessed.items[i].end > next)
            s->guessed.items[i].end = next;
    }
    memory_put(s->starts.items);
    s->starts = (struct starts){0};
    spans_close(&s->sized);
    spans_close(&s->guessed);
}

const char *elf_symbols_find(const struct elf_symbols *s, uint64_t address)
{
    uint32_t found = spans_find(&s->sized, address);
    if (found == SPANS_NONE)
        found = spans_find(&s->guessed, address);
    return found != SPANS_NONE ? s->list[found] : NULL;
}

void elf_symbols_free(struct elf_symbols *s)
{
    spans_free(&s->sized);
    spans_free(&s->guessed);
    memory_put(s->list);
    memory_put(s->starts.items);
    names_free(&s->cut);
    *s = (struct elf_symbols){0};
}
