#include "runner/symbols/dwarf_units.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <dwarf.h>

struct dwarf_unit {
    Dwarf_Die die; /* has the lines; of -gsplit-dwarf the one in the program's file */
    struct dwarf_scopes scopes;
    bool loaded;
};

/* What the linker has dropped is left at address 0. */
static void add_ranges(struct dwarf_units *units, Dwarf_Die *die, uint32_t index)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t next = 0;
    while ((next = dwarf_ranges(die, next, &base, &start, &end)) > 0 && units->budget.spans) {
        units->budget.spans--;
        if (start)
            spans_add(&units->ranges,
                      (struct span){.start = start, .end = end, .rank = index, .value = index});
    }
}

static void add_unit(struct dwarf_units *units, const Dwarf_Die *die)
{
    struct dwarf_unit *unit = array_add(units->list, units->count, units->room);
    *unit = (struct dwarf_unit){.die = *die};
    add_ranges(units, &unit->die, (uint32_t)units->count - 1);
}

/* Only the units' address ranges. Not from .debug_aranges: clang does not write that section. */
void dwarf_units_init(struct dwarf_units *units, Dwarf *dwarf, uint64_t size)
{
    *units = (struct dwarf_units){.budget = {(1u << 20) + 32 * size, (1u << 16) + size}};
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t kind;
    while (units->count < SPANS_NONE &&
           dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &die, NULL) == 0) {
        if (kind == DW_UT_compile || kind == DW_UT_skeleton)
            add_unit(units, &die);
    }
    spans_close(&units->ranges);
}

void dwarf_units_free(struct dwarf_units *units)
{
    for (size_t i = 0; i < units->count; i++)
        dwarf_scopes_free(&units->list[i].scopes);
    memory_put(units->list);
    spans_free(&units->ranges);
    *units = (struct dwarf_units){0};
}

static void load(struct dwarf_units *units, struct dwarf_unit *unit)
{
    Dwarf_Die split;
    uint8_t kind;
    unit->loaded = true;
    /* With -gsplit-dwarf the functions are in the .dwo file. */
    if (dwarf_cu_info(unit->die.cu, NULL, &kind, NULL, &split, NULL, NULL, NULL) == 0 &&
        kind == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit)
        dwarf_scopes_read(&unit->scopes, &split, &units->budget);
    else
        dwarf_scopes_read(&unit->scopes, &unit->die, &units->budget);
}

static void find_line(struct dwarf_unit *unit, uint64_t address, struct symbol *out)
{
    Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
    int number = 0;
    if (!line)
        return;
    out->file = dwarf_linesrc(line, NULL, NULL);
    if (out->file && dwarf_lineno(line, &number) == 0 && number > 0)
        out->line = (unsigned)number;
}

void dwarf_units_find(struct dwarf_units *units, uint64_t address, const struct dwarf_names *names,
                      struct symbol *out)
{
    uint32_t index = spans_find(&units->ranges, address);
    if (index == SPANS_NONE)
        return;
    struct dwarf_unit *unit = &units->list[index];
    if (!unit->loaded)
        load(units, unit);
    /* A unit of assembly has no functions but lines. In any other, what is outside of all functions
     * and symbols would get the last line of its neighbour. */
    if (dwarf_scopes_find(&unit->scopes, address, names, out) || !unit->scopes.count ||
        names->elf_name(names->arg, address))
        find_line(unit, address, out);
}
