#include "runner/symbols/inventory_types.h"
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#define DEEPEST 32

static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(die, DW_AT_type, &attribute) &&
           dwarf_formref_die(&attribute, type) != NULL;
}

/* ---- as C writes it ---- */

struct words {
    char *out;
    size_t used;
    bool cplus;
};

static void say(struct words *w, const char *text)
{
    size_t size = strlen(text), room = INVENTORY_TYPE_SIZE - 1 - w->used;
    size = size < room ? size : room;
    memcpy(w->out + w->used, text, size);
    w->used += size;
    w->out[w->used] = '\0';
}

static void say_type(struct words *w, Dwarf_Die *of, unsigned depth);

static void say_pointer(struct words *w, Dwarf_Die *die, const char *sign, unsigned depth)
{
    Dwarf_Die target;
    if (type_of(die, &target) && dwarf_tag(&target) == DW_TAG_subroutine_type) {
        say_type(w, &target, depth + 1);
        return say(w, " (*)()");
    }
    say_type(w, die, depth + 1);
    if (w->used && w->out[w->used - 1] != '*')
        say(w, " ");
    say(w, sign);
}

static void say_bounds(struct words *w, Dwarf_Die *array)
{
    Dwarf_Die range;
    for (int more = dwarf_child(array, &range); more == 0; more = dwarf_siblingof(&range, &range)) {
        Dwarf_Attribute attribute;
        Dwarf_Word number;
        char text[32];
        if (dwarf_tag(&range) != DW_TAG_subrange_type)
            continue;
        if (dwarf_formudata(dwarf_attr(&range, DW_AT_count, &attribute), &number) == 0)
            snprintf(text, sizeof text, "[%llu]", (unsigned long long)number);
        else if (dwarf_formudata(dwarf_attr(&range, DW_AT_upper_bound, &attribute), &number) == 0)
            snprintf(text, sizeof text, "[%llu]", (unsigned long long)number + 1);
        else
            snprintf(text, sizeof text, "[]");
        say(w, text);
    }
}

/* In the order in which people write it: gcc has "long unsigned int". */
static const char *usual_name(const char *name)
{
    static const char *const names[][2] = {
        {"long int", "long"},           {"long unsigned int", "unsigned long"},
        {"long long int", "long long"}, {"long long unsigned int", "unsigned long long"},
        {"short int", "short"},         {"short unsigned int", "unsigned short"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i][0]) == 0)
            return names[i][1];
    return name;
}

static void say_named(struct words *w, Dwarf_Die *die, const char *word)
{
    const char *name = dwarf_diename(die);
    if (!w->cplus || !name)
        say(w, word);
    if (!w->cplus && name && word[0])
        say(w, " ");
    if (name)
        say(w, usual_name(name));
}

static void say_qualified(struct words *w, Dwarf_Die *die, const char *word, unsigned depth)
{
    Dwarf_Die target;
    bool behind = type_of(die, &target) && dwarf_tag(&target) == DW_TAG_pointer_type;
    if (!behind) {
        say(w, word);
        say(w, " ");
    }
    say_type(w, die, depth + 1);
    if (behind)
        say(w, word);
}

/* The type that `of` has. */
static void say_type(struct words *w, Dwarf_Die *of, unsigned depth)
{
    Dwarf_Die die;
    if (depth == DEEPEST)
        return say(w, "...");
    if (!type_of(of, &die))
        return say(w, "void");
    switch (dwarf_tag(&die)) {
    case DW_TAG_pointer_type:
        return say_pointer(w, &die, "*", depth);
    case DW_TAG_reference_type:
        return say_pointer(w, &die, "&", depth);
    case DW_TAG_rvalue_reference_type:
        return say_pointer(w, &die, "&&", depth);
    case DW_TAG_array_type:
        say_type(w, &die, depth + 1);
        return say_bounds(w, &die);
    case DW_TAG_const_type:
        return say_qualified(w, &die, "const", depth);
    case DW_TAG_volatile_type:
        return say_qualified(w, &die, "volatile", depth);
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        return say_type(w, &die, depth + 1);
    case DW_TAG_structure_type:
        return say_named(w, &die, "struct");
    case DW_TAG_class_type:
        return say_named(w, &die, "class");
    case DW_TAG_union_type:
        return say_named(w, &die, "union");
    case DW_TAG_enumeration_type:
        return say_named(w, &die, "enum");
    case DW_TAG_subroutine_type:
        say_type(w, &die, depth + 1);
        return say(w, " ()");
    default:
        say_named(w, &die, "");
    }
}

void inventory_type_name(Dwarf_Die *variable, bool cplus, char out[INVENTORY_TYPE_SIZE])
{
    struct words w = {out, 0, cplus};
    out[0] = '\0';
    say_type(&w, variable, 0);
}

/* ---- what its values are ---- */

/* Without names and qualifiers; false if there is none. */
static bool peeled(Dwarf_Die *of, Dwarf_Die *type)
{
    if (!type_of(of, type))
        return false;
    for (unsigned depth = 0; depth < DEEPEST; depth++) {
        switch (dwarf_tag(type)) {
        case DW_TAG_typedef:
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_restrict_type:
        case DW_TAG_atomic_type:
            if (!type_of(type, type))
                return false;
            continue;
        }
        return true;
    }
    return false;
}

static unsigned encoding_of(Dwarf_Die *base)
{
    Dwarf_Attribute attribute;
    Dwarf_Word encoding = 0;
    dwarf_formudata(dwarf_attr_integrate(base, DW_AT_encoding, &attribute), &encoding);
    return (unsigned)encoding;
}

static bool is_char(Dwarf_Die *of)
{
    Dwarf_Die type;
    if (!peeled(of, &type) || dwarf_tag(&type) != DW_TAG_base_type || dwarf_bytesize(&type) != 1)
        return false;
    unsigned encoding = encoding_of(&type);
    return encoding == DW_ATE_signed_char || encoding == DW_ATE_unsigned_char;
}

static uint8_t value_of_base(Dwarf_Die *base, uint64_t size)
{
    switch (encoding_of(base)) {
    case DW_ATE_boolean:
        return PMT_VALUE_BOOL;
    case DW_ATE_signed:
        return size <= 8 ? PMT_VALUE_SIGNED : PMT_VALUE_NONE;
    case DW_ATE_unsigned:
    case DW_ATE_UTF:
        return size <= 8 ? PMT_VALUE_UNSIGNED : PMT_VALUE_NONE;
    case DW_ATE_signed_char:
    case DW_ATE_unsigned_char:
        return PMT_VALUE_CHAR;
    case DW_ATE_float:
        return size == 4 || size == 8 ? PMT_VALUE_REAL : PMT_VALUE_NONE;
    default:
        return PMT_VALUE_NONE;
    }
}

void inventory_type_value(Dwarf_Die *variable, struct inventory_item *item)
{
    Dwarf_Die type;
    Dwarf_Word size = 0;
    if (!peeled(variable, &type))
        return;
    if (dwarf_aggregate_size(&type, &size) == 0)
        item->size = size;
    switch (dwarf_tag(&type)) {
    case DW_TAG_base_type:
        item->value_is = value_of_base(&type, item->size);
        break;
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        item->value_is = item->size <= 8 ? PMT_VALUE_POINTER : PMT_VALUE_NONE;
        item->of_text = is_char(&type);
        break;
    case DW_TAG_enumeration_type:
        item->value_is = item->size <= 8 ? PMT_VALUE_SIGNED : PMT_VALUE_NONE;
        break;
    case DW_TAG_array_type:
        item->value_is = is_char(&type) ? PMT_VALUE_TEXT : PMT_VALUE_NONE;
        break;
    }
}
