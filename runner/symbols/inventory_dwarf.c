#include "runner/symbols/inventory_dwarf.h"
#include "runner/symbols/inventory_types.h"
#include "runner/symbols/symbol.h"
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 256

struct walk {
    struct inventory *out;
    const struct inventory_sources *from;
    struct names *names;
    Dwarf_Files *files;
    size_t file_count;
    bool cplus;
    void *last;      /* DIEs come in the order of the file: what leads back is damaged */
    uint64_t budget; /* DIEs that may still be read */
};

/* The function that a DIE is in. */
struct scope {
    uint32_t function;
    Dwarf_Die *die; /* NULL: none */
    uint64_t entry; /* in the debug information's addresses; 0: it has none */
};

static bool has_flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool set = false;
    return dwarf_formflag(dwarf_attr_integrate(die, name, &attribute), &set) == 0 && set;
}

/* Not what the definition takes from its declaration. */
static bool is_declaration(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    bool set = false;
    return dwarf_formflag(dwarf_attr(die, DW_AT_declaration, &attribute), &set) == 0 && set;
}

static uint64_t number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    return dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), &value) == 0 ? value : 0;
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
}

/* Of C++ with its namespace or class. */
static void take_name(struct walk *w, Dwarf_Die *die, struct inventory_item *item,
                      char short_name[INVENTORY_TYPE_SIZE])
{
    const char *linkage = w->cplus ? linkage_name(die) : NULL;
    item->name = dwarf_diename(die);
    if (linkage) {
        demangle_short(demangle(w->from->demangled, linkage), short_name, INVENTORY_TYPE_SIZE);
        item->name = short_name;
    }
    uint64_t file = number(die, DW_AT_decl_file), line = number(die, DW_AT_decl_line);
    item->file = file < w->file_count ? dwarf_filesrc(w->files, file, NULL, NULL) : NULL;
    item->file = item->file ? item->file : "";
    item->line = item->file[0] && line < UINT32_MAX ? (uint32_t)line : 0;
}

/* Where the parameters are where they are said to be: behind the prologue. */
static uint64_t entry_of(Dwarf_Die *function, uint64_t first)
{
    Dwarf_Addr *places = NULL;
    int count = dwarf_entry_breakpoints(function, &places);
    uint64_t entry = count > 0 ? places[0] : first;
    free(places);
    return entry;
}

/* Where it is in pieces: of the first one. What the linker has dropped is at address 0. */
static bool first_instruction(Dwarf_Die *die, Dwarf_Addr *first)
{
    Dwarf_Addr base, end;
    if (dwarf_entrypc(die, first) != 0 && dwarf_ranges(die, 0, &base, first, &end) <= 0)
        return false;
    return *first != 0;
}

/* Returns false if the DIE is no function with code. */
static bool add_function(struct walk *w, Dwarf_Die *die, struct scope *scope)
{
    Dwarf_Addr first;
    char short_name[INVENTORY_TYPE_SIZE], type[INVENTORY_TYPE_SIZE];
    struct inventory_item item = {.function = INVENTORY_NO_FUNCTION, .kind = PMT_VARIABLE_FUNCTION};
    if (is_declaration(die) || !first_instruction(die, &first))
        return false;
    take_name(w, die, &item, short_name);
    if (!item.name || symbol_of_header(item.file))
        return false;
    inventory_type_name(die, w->cplus, type);
    item.type = type;
    Dwarf_Addr high;
    item.size = dwarf_highpc(die, &high) == 0 && high > first ? high - first : 0;
    scope->entry = entry_of(die, first);
    scope->die = die;
    scope->function = (uint32_t)w->out->count;
    const uint64_t bias = w->from->bias.dwarf;
    item.entry = scope->entry + bias;
    item.frame = inventory_frame_at(w->from->cfi, item.entry);
    item.place =
        (struct inventory_place){.way = INVENTORY_ADDRESS, .offset = (int64_t)(first + bias)};
    inventory_add(w->out, &item, w->names);
    return true;
}

static uint8_t kind_of(const struct walk *w, Dwarf_Die *die, const struct scope *scope,
                       const struct inventory_place *place)
{
    if (dwarf_tag(die) == DW_TAG_formal_parameter)
        return PMT_VARIABLE_PARAMETER;
    if (has_flag(die, DW_AT_external))
        return PMT_VARIABLE_GLOBAL;
    bool fixed = place->way == INVENTORY_ADDRESS || place->way == INVENTORY_THREAD;
    (void)w;
    return scope->die && !fixed ? PMT_VARIABLE_LOCAL : PMT_VARIABLE_STATIC;
}

static void add_variable(struct walk *w, Dwarf_Die *die, const struct scope *scope)
{
    Dwarf_Attribute attribute;
    char short_name[INVENTORY_TYPE_SIZE], type[INVENTORY_TYPE_SIZE];
    struct inventory_item item = {.function = scope->function};
    bool is_parameter = dwarf_tag(die) == DW_TAG_formal_parameter;
    bool placed = dwarf_attr_integrate(die, DW_AT_location, &attribute) ||
                  dwarf_attr_integrate(die, DW_AT_const_value, &attribute);
    if ((is_parameter && !scope->die) || (is_declaration(die) && !placed))
        return;
    take_name(w, die, &item, short_name);
    item.place = inventory_place_of(die, scope->die, scope->entry, &w->from->bias);
    bool made_up = has_flag(die, DW_AT_artificial) && !is_parameter;
    if (!item.name || made_up || symbol_of_header(item.file))
        return;
    inventory_type_name(die, w->cplus, type);
    inventory_type_value(die, &item);
    item.type = type;
    item.kind = kind_of(w, die, scope, &item.place);
    inventory_add(w->out, &item, w->names);
}

static void take_children(struct walk *w, Dwarf_Die *parent, const struct scope *scope,
                          unsigned depth);

static void take(struct walk *w, Dwarf_Die *die, const struct scope *scope, unsigned depth)
{
    struct scope inner = {.function = INVENTORY_NO_FUNCTION};
    switch (dwarf_tag(die)) {
    case DW_TAG_variable:
    case DW_TAG_formal_parameter:
        return add_variable(w, die, scope);
    case DW_TAG_subprogram:
        if (add_function(w, die, &inner))
            take_children(w, die, &inner, depth + 1);
        return;
    case DW_TAG_lexical_block:
    case DW_TAG_try_block:
    case DW_TAG_catch_block:
        return take_children(w, die, scope, depth + 1);
    case DW_TAG_namespace:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
        return take_children(w, die, &inner, depth + 1);
    }
}

static void take_children(struct walk *w, Dwarf_Die *parent, const struct scope *scope,
                          unsigned depth)
{
    Dwarf_Die die;
    if (depth == DEEPEST || dwarf_child(parent, &die) != 0)
        return;
    do {
        if (die.addr <= w->last || !w->budget || w->out->cut)
            return;
        w->budget--;
        w->last = die.addr;
        take(w, &die, scope, depth);
    } while (dwarf_siblingof(&die, &die) == 0);
}

static bool is_cplus(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x2a: /* C++17 and C++20, of DWARF 6 */
    case 0x2b:
        return true;
    }
    return false;
}

void inventory_add_dwarf(struct inventory *out, const struct inventory_sources *from,
                         struct names *names)
{
    struct walk w = {.out = out, .from = from, .names = names, .budget = from->size};
    struct scope none = {.function = INVENTORY_NO_FUNCTION};
    Dwarf_CU *unit = NULL;
    Dwarf_Die die, split;
    uint8_t type;
    while (dwarf_get_units(from->dwarf, unit, &unit, NULL, &type, &die, &split) == 0) {
        out->has_dwarf = true;
        bool is_split = type == DW_UT_skeleton && split.addr;
        if (dwarf_getsrcfiles(&die, &w.files, &w.file_count) != 0)
            w.file_count = 0;
        Dwarf_Die *from_die = is_split ? &split : &die;
        w.cplus = is_cplus(from_die);
        w.last = from_die->addr;
        take_children(&w, from_die, &none, 0);
    }
}
