#include "runner/symbols/symbol_file.h"
#include "runner/base/memory.h"
#include "runner/symbols/debug_files.h"
#include "runner/symbols/dwarf_units.h"
#include "runner/symbols/elf_symbols.h"
#include "runner/symbols/inventory_dwarf.h"
#include "runner/symbols/inventory_elf.h"
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct segment {
    uint64_t offset, size; /* in the file */
    uint64_t address;      /* at link time */
    bool executable;
};

struct symbol_file {
    struct elf_file program;
    struct elf_file debug;  /* with the DWARF, if that is not in the program's file */
    struct elf_file common; /* what dwz moved out of that */
    struct elf_file packed; /* the symbol table of .gnu_debugdata */
    struct segment *segments;
    size_t segment_count;
    Dwarf *dwarf, *common_dwarf; /* NULL: none */
    uint64_t dwarf_bias;         /* the program's addresses minus those of its DWARF */
    struct dwarf_units units;
    struct elf_symbols symbols;
};

/* ---- opening ---- */

static bool load_segments(struct symbol_file *file)
{
    size_t count;
    GElf_Phdr header;
    if (elf_getphdrnum(file->program.elf, &count) != 0)
        return false;
    file->segments = memory_get(count * sizeof *file->segments);
    for (size_t i = 0; i < count && gelf_getphdr(file->program.elf, (int)i, &header); i++) {
        if (header.p_type == PT_LOAD)
            file->segments[file->segment_count++] =
                (struct segment){.offset = header.p_offset,
                                 .size = header.p_filesz,
                                 .address = header.p_vaddr,
                                 .executable = (header.p_flags & PF_X) != 0};
    }
    return file->segment_count;
}

/* How far the program's addresses have been moved (by prelink) since its debug file was made. */
static uint64_t bias_of(const struct symbol_file *file, Elf *debug)
{
    size_t count;
    GElf_Phdr header;
    if (elf_getphdrnum(debug, &count) != 0)
        return 0;
    for (size_t i = 0; i < count && gelf_getphdr(debug, (int)i, &header); i++)
        if (header.p_type == PT_LOAD)
            return file->segments[0].address - header.p_vaddr;
    return 0;
}

static void load_dwarf(struct symbol_file *file, const struct elf_file *from, const char *root)
{
    file->dwarf = elf_file_dwarf(from);
    if (!file->dwarf)
        return;
    file->common = debug_file_find_common(file->dwarf, from, root);
    file->common_dwarf = elf_file_dwarf(&file->common);
    if (file->common_dwarf)
        dwarf_setalt(file->dwarf, file->common_dwarf);
    dwarf_units_init(&file->units, file->dwarf, from->size + file->common.size);
}

static void load_symbols(struct symbol_file *file)
{
    bool found = elf_symbols_add(&file->symbols, file->program.elf, 0);
    if (!found && file->debug.elf)
        found = elf_symbols_add(&file->symbols, file->debug.elf, file->dwarf_bias);
    if (!found)
        file->packed = debug_file_unpack_symbols(&file->program);
    if (file->packed.elf)
        elf_symbols_add(&file->symbols, file->packed.elf, bias_of(file, file->packed.elf));
    elf_symbols_close(&file->symbols);
}

static bool has_dwarf(const struct elf_file *file)
{
    return elf_file_has_section(file, ".debug_info") || elf_file_has_section(file, ".zdebug_info");
}

struct symbol_file *symbol_file_new(const char *path, const char *root, bool lines)
{
    struct symbol_file *file = memory_get(sizeof *file);
    file->debug.fd = file->common.fd = file->packed.fd = -1;
    file->program.fd = -1;
    if (path[0] == '/')
        file->program = elf_file_open(path);
    if (!file->program.elf || !load_segments(file)) {
        file->segment_count = 0;
        return file;
    }
    if (!has_dwarf(&file->program))
        file->debug = debug_file_find(&file->program, root);
    if (file->debug.elf)
        file->dwarf_bias = bias_of(file, file->debug.elf);
    if (lines)
        load_dwarf(file, file->debug.elf ? &file->debug : &file->program, root);
    load_symbols(file);
    return file;
}

void symbol_file_free(struct symbol_file *file)
{
    dwarf_units_free(&file->units);
    elf_symbols_free(&file->symbols);
    dwarf_end(file->dwarf);
    dwarf_end(file->common_dwarf);
    elf_file_close(&file->packed);
    elf_file_close(&file->common);
    elf_file_close(&file->debug);
    elf_file_close(&file->program);
    memory_put(file->segments);
    memory_put(file);
}

/* ---- looking up ---- */

/* Of overlapping segments the executable one. */
bool symbol_file_address(const struct symbol_file *file, uint64_t offset, uint64_t *address)
{
    const struct segment *found = NULL;
    for (size_t i = 0; i < file->segment_count; i++) {
        const struct segment *segment = &file->segments[i];
        bool inside = offset >= segment->offset && offset - segment->offset < segment->size;
        if (inside && (!found || (segment->executable && !found->executable)))
            found = segment;
    }
    if (found)
        *address = offset - found->offset + found->address;
    return found;
}

static const char *elf_name(void *arg, uint64_t address)
{
    const struct symbol_file *file = arg;
    return elf_symbols_find(&file->symbols, address + file->dwarf_bias);
}

struct symbol symbol_file_find(struct symbol_file *file, uint64_t address,
                               struct demangled *demangled)
{
    struct symbol symbol = {0};
    struct dwarf_names names = {demangled, elf_name, file};
    if (file->dwarf)
        dwarf_units_find(&file->units, address - file->dwarf_bias, &names, &symbol);
    const char *name = symbol.function ? NULL : elf_symbols_find(&file->symbols, address);
    if (name)
        symbol.function = demangle(demangled, name);
    return symbol;
}

/* ---- what there is ---- */

/* Thread variables lie below the thread pointer, as both i386 and x86-64 have it ("variant II" in
 * Drepper, ELF Handling For Thread-Local Storage, 2013). */
static void find_thread_block(Elf *elf, struct inventory_bias *bias)
{
    size_t count;
    GElf_Phdr header;
    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &header); i++) {
        uint64_t align = header.p_align ? header.p_align : 1;
        if (header.p_type != PT_TLS)
            continue;
        bias->thread = -(int64_t)((header.p_memsz + align - 1) / align * align);
        bias->thread_image = header.p_vaddr;
        bias->thread_image_end = header.p_vaddr + header.p_filesz;
    }
}

void symbol_file_inventory(struct symbol_file *file, struct demangled *demangled,
                           struct names *names, struct inventory *out)
{
    struct inventory_sources from = {.dwarf = file->dwarf,
                                     .size =
                                         file->program.size + file->debug.size + file->common.size,
                                     .demangled = demangled};
    GElf_Ehdr header;
    out->none = !file->program.elf;
    if (out->none || !gelf_getehdr(file->program.elf, &header))
        return;
    out->entry = header.e_entry;
    if (file->dwarf) {
        from.cfi = dwarf_getcfi_elf(file->program.elf);
        from.bias.dwarf = file->dwarf_bias;
        find_thread_block(file->program.elf, &from.bias);
        inventory_add_dwarf(out, &from, names);
    }
    if (from.cfi)
        dwarf_cfi_end(from.cfi);
    if (!out->has_dwarf)
        inventory_add_symbols(out, file->program.elf, names);
}

void symbol_file_sites(const struct symbol_file *file, struct sites *out)
{
    if (file->program.elf)
        sites_find(out, file->program.elf);
}

void symbol_file_moment(struct symbol_file *file, struct demangled *demangled, struct names *names,
                        const char *name, struct moment_places *out)
{
    struct inventory all = {0};
    char source[PATH_MAX];
    const char *colon = strrchr(name, ':');
    int line = colon ? atoi(colon + 1) : 0;
    symbol_file_inventory(file, demangled, names, &all);
    out->entry = all.entry;
    if (line > 0 && file->dwarf) {
        snprintf(source, sizeof source, "%.*s", (int)(colon - name), name);
        moment_find_line(out, file->dwarf, file->dwarf_bias, source, line);
    } else if (!all.none) {
        moment_find_function(out, &all, name, gelf_getclass(file->program.elf) == ELFCLASS64);
    }
    inventory_free(&all);
}
