#include "runner/symbols/inventory_elf.h"
#include <gelf.h>
#include <string.h>

/* What compilers and the C library's start files put into every program. */
static bool is_of_start(const char *name)
{
    static const char *const names[] = {"deregister_tm_clones", "register_tm_clones", "frame_dummy",
                                        "data_start"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return name[0] == '_' || strncmp(name, "completed.", 10) == 0;
}

static void add_symbol(struct inventory *out, const GElf_Sym *symbol, const char *name,
                       struct names *names)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
    bool is_thread = type == STT_TLS;
    if ((!is_function && !is_thread && type != STT_OBJECT) || symbol->st_shndx == SHN_UNDEF ||
        symbol->st_shndx == SHN_ABS || !name || !name[0] || is_of_start(name))
        return;
    struct inventory_item item = {.name = name,
                                  .type = "",
                                  .file = "",
                                  .function = INVENTORY_NO_FUNCTION,
                                  .size = symbol->st_size};
    item.place.way = is_thread ? INVENTORY_UNKNOWN : INVENTORY_ADDRESS;
    item.place.offset = (int64_t)symbol->st_value;
    item.kind = is_function                                  ? PMT_VARIABLE_FUNCTION
                : GELF_ST_BIND(symbol->st_info) == STB_LOCAL ? PMT_VARIABLE_STATIC
                                                             : PMT_VARIABLE_GLOBAL;
    inventory_add(out, &item, names);
}

static Elf_Scn *find_table(Elf *elf, uint32_t type, GElf_Shdr *header)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section)) != NULL)
        if (gelf_getshdr(section, header) && header->sh_type == type)
            return section;
    return NULL;
}

void inventory_add_symbols(struct inventory *out, Elf *elf, struct names *names)
{
    GElf_Shdr header;
    GElf_Sym symbol;
    Elf_Scn *table = find_table(elf, SHT_SYMTAB, &header);
    table = table ? table : find_table(elf, SHT_DYNSYM, &header);
    Elf_Data *data = table ? elf_getdata(table, NULL) : NULL;
    for (int i = 1; data && gelf_getsym(data, i, &symbol) && !out->cut; i++)
        add_symbol(out, &symbol, elf_strptr(elf, header.sh_link, symbol.st_name), names);
}
