#include "runner/symbols/moment.h"
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

static void add_place(struct moment_places *out, struct moment_place place)
{
    if (out->count < MOMENT_PLACES)
        out->places[out->count++] = place;
}

/* ---- lines ---- */

/* "map5.c" and "src/map5.c" are the end of "/home/ann/src/map5.c". */
static bool is_file(const char *path, const char *wanted)
{
    size_t length = strlen(path), end = strlen(wanted);
    if (end > length || strcmp(path + length - end, wanted) != 0)
        return false;
    return end == length || path[length - end - 1] == '/';
}

/* The next line with code, from the wanted one on; 0: there is none. */
static int line_with_code(Dwarf_Lines *lines, size_t count, const char *file, int wanted)
{
    int best = 0;
    for (size_t i = 0; i < count; i++) {
        Dwarf_Line *line = dwarf_onesrcline(lines, i);
        const char *path = dwarf_linesrc(line, NULL, NULL);
        int number;
        if (dwarf_lineno(line, &number) == 0 && number >= wanted && (!best || number < best) &&
            path && is_file(path, file))
            best = number;
    }
    return best;
}

/* The function of the unit that contains the address. */
static bool find_function(Dwarf_Die *unit, uint64_t address, Dwarf_Addr *low, Dwarf_Addr *high)
{
    Dwarf_Die *scopes = NULL;
    int count = dwarf_getscopes(unit, address, &scopes);
    bool found = false;
    for (int i = 0; i < count && !found; i++)
        found = dwarf_tag(&scopes[i]) == DW_TAG_subprogram && dwarf_lowpc(&scopes[i], low) == 0 &&
                dwarf_highpc(&scopes[i], high) == 0;
    free(scopes);
    return found;
}

static void add_next(struct moment_places *out, Dwarf_Lines *lines, size_t count, int not_line,
                     Dwarf_Addr low, Dwarf_Addr high, uint64_t bias)
{
    for (size_t i = 0; i < count && out->next_count < MOMENT_NEXT; i++) {
        Dwarf_Line *line = dwarf_onesrcline(lines, i);
        Dwarf_Addr at;
        bool begins = false;
        int number = 0;
        if (dwarf_lineaddr(line, &at) == 0 && at > low && at < high &&
            dwarf_linebeginstatement(line, &begins) == 0 && begins &&
            dwarf_lineno(line, &number) == 0 && number && number != not_line)
            out->next[out->next_count++] = at + bias;
    }
}

/* The first statement of the line in each function. */
static void find_in_unit(struct moment_places *out, Dwarf_Die *unit, uint64_t bias,
                         const char *file, int wanted)
{
    Dwarf_Lines *lines;
    size_t count;
    Dwarf_Addr low = 0, high = 0, at;
    if (dwarf_getsrclines(unit, &lines, &count) != 0)
        return;
    int line = line_with_code(lines, count, file, wanted);
    for (size_t i = 0; line && i < count; i++) {
        Dwarf_Line *row = dwarf_onesrcline(lines, i);
        const char *path = dwarf_linesrc(row, NULL, NULL);
        bool begins = false;
        int number;
        if (dwarf_lineno(row, &number) != 0 || number != line || !path || !is_file(path, file) ||
            dwarf_lineaddr(row, &at) != 0 || (at >= low && at < high) ||
            dwarf_linebeginstatement(row, &begins) != 0 || !begins)
            continue;
        add_place(out, (struct moment_place){.at = at + bias});
        if (find_function(unit, at, &low, &high))
            add_next(out, lines, count, line, low, high, bias);
    }
}

void moment_find_line(struct moment_places *out, Dwarf *dwarf, uint64_t bias, const char *file,
                      int line)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    while (!out->count && dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, NULL) == 0)
        find_in_unit(out, &die, bias, file, line);
}

/* ---- functions ---- */

void moment_find_function(struct moment_places *out, const struct inventory *all, const char *name,
                          bool is64)
{
    const uint8_t stack_pointer = is64 ? 7 : 4; /* in DWARF */
    for (size_t i = 0; i < all->count; i++) {
        const struct inventory_item *item = &all->items[i];
        struct moment_place place = {.at = item->entry, .frame = item->frame, .is_function = 1};
        if (item->kind != PMT_VARIABLE_FUNCTION || strcmp(item->name, name) != 0)
            continue;
        if (!place.at || place.frame.way != INVENTORY_MEMORY) { /* by symbols: at its begin */
            place.at = (uint64_t)item->place.offset;
            place.frame = (struct inventory_place){
                .way = INVENTORY_MEMORY, .reg = stack_pointer, .offset = is64 ? 8 : 4};
        }
        add_place(out, place);
    }
}
