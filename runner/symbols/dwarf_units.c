#include "runner/symbols/dwarf_units.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include <dwarf.h>
#include <string.h>

#define DEEPEST 256 /* nesting of DIEs */

/* ---- the functions of a unit ---- */

/* A function, or a place where one is inlined. Its names are read when they are asked for. */
struct dwarf_scope {
    void *die;       /* its address; the rest of a Dwarf_Die follows from that */
    uint32_t parent; /* what it is inlined in, or SPANS_NONE */
    struct scope_names *names;
};

struct scope_names {
    const char *function;
    unsigned inlined;
    struct symbol_place inlined_into[];
};

/* The functions of one compilation unit, and those that are inlined in them. */
struct dwarf_scopes {
    struct spans spans; /* values: places in `list` */
    struct dwarf_scope *list;
    size_t count, room;
    Dwarf_Die unit;
};

struct walk {
    struct dwarf_scopes *scopes;
    struct dwarf_budget *budget;
    void *last; /* DIEs come in the order of the file: what leads back is damaged */
};

static void add_scope(struct walk *w, Dwarf_Die *die, uint32_t parent)
{
    struct dwarf_scopes *s = w->scopes;
    *array_add(s->list, s->count, s->room) =
        (struct dwarf_scope){.die = die->addr, .parent = parent};
}

/* Makes a scope of what has code; what the linker has dropped is left at address 0. Returns the
 * scope that the DIE's children are in. */
static uint32_t take_scope(struct walk *w, Dwarf_Die *die, uint32_t parent)
{
    Dwarf_Addr base, start, end;
    ptrdiff_t next = 0;
    uint32_t index = (uint32_t)w->scopes->count;
    bool added = false;
    while ((next = dwarf_ranges(die, next, &base, &start, &end)) > 0 && w->budget->spans) {
        w->budget->spans--;
        if (!start || start >= end || (!added && index == SPANS_NONE))
            continue;
        if (!added)
            add_scope(w, die, parent);
        added = true;
        spans_add(&w->scopes->spans,
                  (struct span){.start = start, .end = end, .rank = index, .value = index});
    }
    return added ? index : parent;
}

static bool may_have_scopes(int tag)
{
    switch (tag) {
    case DW_TAG_subprogram:
    case DW_TAG_inlined_subroutine:
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
    case DW_TAG_with_stmt:
    case DW_TAG_entry_point:
    case DW_TAG_common_block:
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
        return true;
    default:
        return false;
    }
}

static void walk_children(struct walk *w, Dwarf_Die *parent, uint32_t scope, unsigned depth)
{
    Dwarf_Die die;
    if (depth == DEEPEST || dwarf_child(parent, &die) != 0)
        return;
    do {
        if (die.addr <= w->last || !w->budget->dies)
            return;
        w->budget->dies--;
        w->last = die.addr;
        int tag = dwarf_tag(&die);
        if (!may_have_scopes(tag))
            continue;
        uint32_t inner = scope;
        if (tag == DW_TAG_inlined_subroutine)
            inner = take_scope(w, &die, scope);
        else if (tag == DW_TAG_subprogram)
            inner = take_scope(w, &die, SPANS_NONE);
        if (dwarf_haschildren(&die) > 0)
            walk_children(w, &die, inner, depth + 1);
    } while (dwarf_siblingof(&die, &die) == 0);
}

static void read_scopes(struct dwarf_scopes *scopes, Dwarf_Die *unit, struct dwarf_budget *budget)
{
    struct walk walk = {scopes, budget, unit->addr};
    scopes->unit = *unit;
    walk_children(&walk, unit, SPANS_NONE, 0);
    spans_close(&scopes->spans);
}

static void free_scopes(struct dwarf_scopes *scopes)
{
    for (size_t i = 0; i < scopes->count; i++)
        memory_put(scopes->list[i].names);
    memory_put(scopes->list);
    spans_free(&scopes->spans);
    *scopes = (struct dwarf_scopes){0};
}

/* ---- names of functions ---- */

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
    return name ? name
                : dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute));
}

/* The ELF symbol of a function counts where the source says __libc_malloc but the symbol malloc,
 * and where only that one tells what class a function belongs to. */
static const char *function_name(Dwarf_Die *die, bool inlined, const struct dwarf_names *names)
{
    const char *linkage = linkage_name(die);
    const char *name = linkage ? linkage : dwarf_diename(die);
    Dwarf_Addr base, start, end;
    if (!inlined && dwarf_ranges(die, 0, &base, &start, &end) > 0) {
        const char *elf = names->elf_name(names->arg, start);
        if (elf &&
            (!name || strspn(elf, "_") < strspn(name, "_") || (!linkage && text_starts(elf, "_Z"))))
            name = elf;
    }
    return name ? demangle(names->demangled, name) : NULL;
}

static uint64_t number_of(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute found;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr(die, attribute, &found), &value) == 0 ? value : 0;
}

/* Where the function of this scope is called; the function there is filled in by the caller. */
static struct symbol_place call_place(struct dwarf_scopes *scopes, Dwarf_Die *die)
{
    struct symbol_place place = {0};
    Dwarf_Files *files;
    size_t count;
    uint64_t line = number_of(die, DW_AT_call_line);
    uint64_t file = number_of(die, DW_AT_call_file);
    if (dwarf_getsrcfiles(&scopes->unit, &files, &count) == 0 && file < count)
        place.file = dwarf_filesrc(files, file, NULL, NULL);
    if (place.file && line <= UINT32_MAX)
        place.line = (unsigned)line;
    return place;
}

/* Of too long a chain the last one, which is a function of its own, is kept. */
static struct scope_names *inlined_names(struct dwarf_scopes *scopes, Dwarf_Die *die,
                                         const struct scope_names *parent)
{
    bool full = parent->inlined == SYMBOL_MAX_INLINED;
    unsigned inlined = full ? SYMBOL_MAX_INLINED : parent->inlined + 1;
    struct scope_names *n = memory_get(sizeof *n + inlined * sizeof n->inlined_into[0]);
    n->inlined = inlined;
    n->inlined_into[0] = call_place(scopes, die);
    n->inlined_into[0].function = parent->function;
    memcpy(n->inlined_into + 1, parent->inlined_into, (inlined - 1) * sizeof n->inlined_into[0]);
    if (full)
        n->inlined_into[inlined - 1] = parent->inlined_into[inlined - 1];
    return n;
}

/* Parents come before their children in the list, and not more than DEEPEST: this ends. */
static const struct scope_names *names_of(struct dwarf_scopes *scopes, uint32_t index,
                                          const struct dwarf_names *names)
{
    struct dwarf_scope *scope = &scopes->list[index];
    bool inlined = scope->parent != SPANS_NONE;
    if (scope->names)
        return scope->names;
    Dwarf_Die die = {.addr = scope->die, .cu = scopes->unit.cu};
    scope->names = inlined ? inlined_names(scopes, &die, names_of(scopes, scope->parent, names))
                           : memory_get(sizeof *scope->names);
    scope->names->function = function_name(&die, inlined, names);
    return scope->names;
}

/* Function and inlined_into of `out`. False if the address is in no function. */
static bool find_scope(struct dwarf_scopes *scopes, uint64_t address,
                       const struct dwarf_names *names, struct symbol *out)
{
    uint32_t index = spans_find(&scopes->spans, address);
    if (index == SPANS_NONE)
        return false;
    const struct scope_names *n = names_of(scopes, index, names);
    out->function = n->function;
    out->inlined = n->inlined;
    out->inlined_into = n->inlined_into;
    return true;
}

/* ---- units ---- */

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
        free_scopes(&units->list[i].scopes);
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
        read_scopes(&unit->scopes, &split, &units->budget);
    else
        read_scopes(&unit->scopes, &unit->die, &units->budget);
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
    if (find_scope(&unit->scopes, address, names, out) || !unit->scopes.count ||
        names->elf_name(names->arg, address))
        find_line(unit, address, out);
}
