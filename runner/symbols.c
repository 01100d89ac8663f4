#include "symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_ROOT "/usr/lib/debug"
/* How far behind a symbol without a size an address may lie. */
#define GUESS_DISTANCE 4096

/* ---- spans: which of many address ranges contains this address ---- */

struct span {
    uint64_t start, end; /* link-time addresses, end is exclusive */
    uint64_t reach;      /* the highest end up to here: where a backward search may stop */
    uint64_t rank;       /* among spans with the same start and end the lowest rank wins */
    bool guessed;        /* the end is not in the file */
    union {
        const char *name;
        size_t unit;
    };
};

struct spans {
    struct span *items;
    size_t count, capacity;
};

static void spans_add(struct spans *spans, struct span span)
{
    if (span.start >= span.end)
        return;
    if (spans->count == spans->capacity) {
        size_t capacity = spans->capacity != 0 ? 2 * spans->capacity : 64;
        struct span *items = reallocarray(spans->items, capacity, sizeof(*items));
        if (items == NULL)
            return; /* one symbol less */
        spans->items = items;
        spans->capacity = capacity;
    }
    spans->items[spans->count++] = span;
}

/* By start; of those with the same start the better one comes last. */
static int compare_spans(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->guessed != b->guessed)
        return a->guessed ? -1 : 1;
    if (a->end != b->end)
        return a->end > b->end ? -1 : 1;
    return (a->rank < b->rank) - (a->rank > b->rank);
}

static void spans_sort(struct spans *spans)
{
    if (spans->count == 0)
        return;
    qsort(spans->items, spans->count, sizeof(*spans->items), compare_spans);
    uint64_t reach = 0;
    for (size_t i = 0; i < spans->count; i++) {
        if (spans->items[i].end > reach)
            reach = spans->items[i].end;
        spans->items[i].reach = reach;
    }
}

/* The innermost span that contains address. A guessed one counts only when nothing else begins
 * between its start and the address. */
static const struct span *spans_find(const struct spans *spans, uint64_t address)
{
    size_t low = 0;
    size_t high = spans->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spans->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i > 0 && spans->items[i - 1].reach > address; i--) {
        const struct span *span = &spans->items[i - 1];
        if (!span->guessed && span->end > address)
            return span;
    }
    const struct span *nearest = low > 0 ? &spans->items[low - 1] : NULL;
    return nearest != NULL && nearest->guessed && nearest->end > address ? nearest : NULL;
}

/* ---- modules ---- */

struct segment {
    uint64_t offset, size; /* in the file */
    uint64_t address;      /* at link time */
    bool executable;
};

/* A compilation unit. Its functions are read when the first address in it is asked for. */
struct unit {
    Dwarf_Die die;
    struct spans functions;
    bool loaded;
};

struct module {
    char *path;
    Dwfl *dwfl; /* NULL: this file has no symbols */
    Dwfl_Module *dwfl_module;
    int fd;   /* with elf: the file, until libdwfl takes both */
    Elf *elf; /* owned by libdwfl once it has asked for it; then NULL here */
    struct segment *segments;
    size_t segment_count;
    GElf_Addr bias;       /* libdwfl's addresses minus those of the file's program headers */
    GElf_Addr dwarf_bias; /* libdwfl's addresses minus those of the DWARF */
    struct unit *units;
    size_t unit_count;
    struct spans unit_ranges;
    struct spans elf_symbols;
    char **names; /* symbol names that had to be cut */
    size_t name_count, name_capacity;
};

struct answer {
    const struct module *module; /* NULL: a free slot */
    uint64_t address;
    struct symbol symbol;
};

struct symbols {
    struct module **modules;
    size_t module_count, module_capacity;
    struct module *last; /* most frames are in the same module as the one before */
    struct answer *answers;
    size_t answer_count, answer_capacity; /* capacity is a power of two */
};

/* ---- finding files ---- */

static int open_regular(const char *path)
{
    /* O_NONBLOCK: a FIFO must not hang us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool has_build_id(int fd, const unsigned char *id, int size)
{
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf == NULL)
        return false;
    const void *found;
    ssize_t found_size = dwelf_elf_gnu_build_id(elf, &found);
    bool same = found_size == size && memcmp(found, id, (size_t)size) == 0;
    elf_end(elf);
    return same;
}

/* Where gdb looks for the file that .gnu_debuglink names. The build id instead of the CRC tells
 * that it is the right one. Returns a descriptor or -1; *debug_path is malloc'ed. */
static int find_by_debuglink(const char *path, const char *link, const unsigned char *id, int size,
                             char **debug_path)
{
    static const char *const places[][2] = {{"", ""}, {"", "/.debug"}, {DEBUG_ROOT, ""}};
    const char *slash = strrchr(path, '/');
    if (slash == NULL || link[0] == '\0' || strchr(link, '/') != NULL)
        return -1;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char candidate[PATH_MAX];
        int length = snprintf(candidate, sizeof(candidate), "%s%.*s%s/%s", places[i][0],
                              (int)(slash - path), path, places[i][1], link);
        if (length < 0 || (size_t)length >= sizeof(candidate))
            continue;
        int fd = open_regular(candidate);
        if (fd >= 0 && has_build_id(fd, id, size)) {
            *debug_path = strdup(candidate);
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

/* libdwfl's own callback, dwfl_standard_find_debuginfo(), asks debuginfod for whatever has a build
 * id and is not found here, so it only gets the files without one. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                          const char *path, const char *link, GElf_Word crc, char **debug_path)
{
    const unsigned char *id;
    GElf_Addr where;
    int size = dwfl_module_build_id(module, &id, &where);
    if (size <= 0 && crc == 0)
        return -1;
    if (size <= 0)
        return dwfl_standard_find_debuginfo(module, userdata, name, base, path, link, crc,
                                            debug_path);
    errno = 0;
    int fd =
        dwfl_build_id_find_debuginfo(module, userdata, name, base, path, link, crc, debug_path);
    if (fd >= 0 || errno != 0 || path == NULL || link == NULL)
        return fd;
    return find_by_debuglink(path, link, id, size, debug_path);
}

static int give_elf(Dwfl_Module *dwfl_module, void **userdata, const char *name, Dwarf_Addr base,
                    char **file_name, Elf **elf)
{
    (void)dwfl_module;
    (void)name;
    (void)base;
    struct module *module = *userdata;
    int fd = module->fd;
    *file_name = strdup(module->path);
    *elf = module->elf;
    module->elf = NULL;
    module->fd = -1;
    return fd;
}

/* ---- opening a module ---- */

struct strings {
    const char *start, *end;
};

static const char *keep_name(struct module *module, char *name)
{
    if (name != NULL && module->name_count == module->name_capacity) {
        size_t capacity = module->name_capacity != 0 ? 2 * module->name_capacity : 64;
        char **names = reallocarray(module->names, capacity, sizeof(*names));
        if (names == NULL) {
            free(name);
            return NULL;
        }
        module->names = names;
        module->name_capacity = capacity;
    }
    if (name != NULL)
        module->names[module->name_count++] = name;
    return name;
}

/* A symbol's name without its version: malloc@@GLIBC_2.0. */
static const char *unversioned(struct module *module, const char *name)
{
    const char *at = strchr(name, '@');
    if (at == NULL || at == name)
        return name;
    return keep_name(module, strndup(name, (size_t)(at - name)));
}

/* Of the names of one function the one that people write ranks lowest: malloc before
 * __libc_malloc, mmap before mmap64. */
static uint64_t name_rank(const char *name)
{
    uint64_t underscores = strspn(name, "_");
    return underscores << 32 | (strlen(name) & UINT32_MAX);
}

/* False if the symbol is not code. */
static bool symbol_span(const GElf_Sym *symbol, GElf_Addr address, GElf_Word section, Elf *elf,
                        GElf_Addr bias, struct span *span)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
        return false;
    GElf_Shdr header;
    if (elf == NULL || section == SHN_UNDEF ||
        gelf_getshdr(elf_getscn(elf, section), &header) == NULL)
        return false;
    if ((header.sh_flags & SHF_EXECINSTR) == 0)
        return false;
    *span = (struct span){.start = address, .end = address + symbol->st_size};
    if (symbol->st_size == 0) {
        uint64_t section_end = header.sh_addr + bias + header.sh_size;
        span->end = address + GUESS_DISTANCE < section_end ? address + GUESS_DISTANCE : section_end;
        span->guessed = true;
    }
    return true;
}

/* libdwfl does not check that a damaged string table ends with a zero byte. strings, the table
 * found last, starts as {0}; false also if name is in no string table of elf. */
static bool is_terminated(const char *name, Elf *elf, struct strings *strings)
{
    Elf_Scn *section = NULL;
    while (name < strings->start || name >= strings->end) {
        GElf_Shdr header;
        section = elf_nextscn(elf, section);
        if (section == NULL)
            return false;
        if (gelf_getshdr(section, &header) == NULL || header.sh_type != SHT_STRTAB)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        if (data == NULL || data->d_buf == NULL)
            continue;
        *strings = (struct strings){data->d_buf, (const char *)data->d_buf + data->d_size};
    }
    return memchr(name, '\0', (size_t)(strings->end - name)) != NULL;
}

static void load_elf_symbols(struct module *module)
{
    struct strings strings = {0};
    int count = dwfl_module_getsymtab(module->dwfl_module);
    for (int i = 1; i < count; i++) {
        GElf_Sym symbol;
        GElf_Addr address, bias;
        GElf_Word section;
        Elf *elf;
        const char *name = dwfl_module_getsym_info(module->dwfl_module, i, &symbol, &address,
                                                   &section, &elf, &bias);
        struct span span;
        if (name == NULL || !symbol_span(&symbol, address, section, elf, bias, &span) ||
            !is_terminated(name, elf, &strings) || name[0] == '\0')
            continue;
        span.name = unversioned(module, name);
        if (span.name == NULL)
            continue;
        span.rank = name_rank(span.name);
        spans_add(&module->elf_symbols, span);
    }
    spans_sort(&module->elf_symbols);
}

static void add_unit(struct module *module, size_t *capacity, const Dwarf_Die *die)
{
    if (module->unit_count == *capacity) {
        size_t wanted = *capacity != 0 ? 2 * *capacity : 16;
        struct unit *units = reallocarray(module->units, wanted, sizeof(*units));
        if (units == NULL)
            return;
        module->units = units;
        *capacity = wanted;
    }
    size_t index = module->unit_count++;
    module->units[index] = (struct unit){.die = *die};
    Dwarf_Addr base, start, end;
    ptrdiff_t next = 0;
    Dwarf_Die *unit_die = &module->units[index].die;
    while ((next = dwarf_ranges(unit_die, next, &base, &start, &end)) > 0)
        spans_add(&module->unit_ranges,
                  (struct span){.start = start, .end = end, .rank = index, .unit = index});
}

/* Only the units' address ranges. Not from .debug_aranges: clang does not write that section. */
static void load_units(struct module *module)
{
    Dwarf *dwarf = dwfl_module_getdwarf(module->dwfl_module, &module->dwarf_bias);
    if (dwarf == NULL)
        return;
    size_t capacity = 0;
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    uint8_t kind;
    while (dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &die, NULL) == 0) {
        if (kind == DW_UT_compile || kind == DW_UT_skeleton)
            add_unit(module, &capacity, &die);
    }
    spans_sort(&module->unit_ranges);
}

/* Reads the PT_LOAD headers; the lowest and highest address are what libdwfl wants to know. */
static int load_segments(struct module *module, uint64_t *start, uint64_t *end)
{
    size_t count;
    if (elf_kind(module->elf) != ELF_K_ELF || elf_getphdrnum(module->elf, &count) != 0)
        return -ENOEXEC;
    module->segments = calloc(count, sizeof(*module->segments));
    if (module->segments == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr header;
        if (gelf_getphdr(module->elf, (int)i, &header) == NULL)
            return -ENOEXEC;
        if (header.p_type != PT_LOAD)
            continue;
        if (module->segment_count == 0)
            *start = *end = header.p_vaddr & -header.p_align;
        if (header.p_vaddr + header.p_memsz > *end)
            *end = header.p_vaddr + header.p_memsz;
        module->segments[module->segment_count++] = (struct segment){
            .offset = header.p_offset,
            .size = header.p_filesz,
            .address = header.p_vaddr,
            .executable = (header.p_flags & PF_X) != 0,
        };
    }
    return *start < *end ? 0 : -ENOEXEC;
}

/* Hands the file to a Dwfl of its own: modules at their link-time addresses overlap. */
static int report_module(struct module *module, uint64_t start, uint64_t end)
{
    static char *debuginfo_path = (char *)":.debug:" DEBUG_ROOT;
    static const Dwfl_Callbacks callbacks = {
        .find_elf = give_elf,
        .find_debuginfo = find_debuginfo,
        .section_address = dwfl_offline_section_address,
        .debuginfo_path = &debuginfo_path,
    };
    module->dwfl = dwfl_begin(&callbacks);
    if (module->dwfl == NULL)
        return -ENOMEM;
    dwfl_report_begin(module->dwfl);
    module->dwfl_module = dwfl_report_module(module->dwfl, module->path, start, end);
    if (module->dwfl_module == NULL || dwfl_report_end(module->dwfl, NULL, NULL) != 0)
        return -ENOMEM;
    void **userdata;
    dwfl_module_info(module->dwfl_module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
    *userdata = module;
    return dwfl_module_getelf(module->dwfl_module, &module->bias) != NULL ? 0 : -ENOEXEC;
}

static void open_module(struct module *module)
{
    uint64_t start = 0;
    uint64_t end = 0;
    if (module->path[0] != '/' || elf_version(EV_CURRENT) == EV_NONE)
        return;
    module->fd = open_regular(module->path);
    if (module->fd < 0)
        return;
    /* Not mapped: a file that shrinks meanwhile gives a read error, not SIGBUS. */
    module->elf = elf_begin(module->fd, ELF_C_READ, NULL);
    if (module->elf != NULL && load_segments(module, &start, &end) == 0 &&
        report_module(module, start, end) == 0) {
        load_units(module);
        load_elf_symbols(module);
        return;
    }
    if (module->dwfl != NULL)
        dwfl_end(module->dwfl);
    module->dwfl = NULL;
    elf_end(module->elf);
    module->elf = NULL;
    if (module->fd >= 0)
        close(module->fd);
    module->fd = -1;
}

static void free_module(struct module *module)
{
    for (size_t i = 0; i < module->unit_count; i++)
        free(module->units[i].functions.items);
    for (size_t i = 0; i < module->name_count; i++)
        free(module->names[i]);
    if (module->dwfl != NULL)
        dwfl_end(module->dwfl);
    free(module->units);
    free(module->names);
    free(module->unit_ranges.items);
    free(module->elf_symbols.items);
    free(module->segments);
    free(module->path);
    free(module);
}

static struct module *add_module(struct symbols *symbols, const char *path)
{
    if (symbols->module_count == symbols->module_capacity) {
        size_t capacity = symbols->module_capacity != 0 ? 2 * symbols->module_capacity : 16;
        struct module **modules = reallocarray(symbols->modules, capacity, sizeof(*modules));
        if (modules == NULL)
            return NULL;
        symbols->modules = modules;
        symbols->module_capacity = capacity;
    }
    struct module *module = calloc(1, sizeof(*module));
    if (module == NULL)
        return NULL;
    module->fd = -1;
    module->path = strdup(path);
    if (module->path == NULL) {
        free(module);
        return NULL;
    }
    open_module(module);
    symbols->modules[symbols->module_count++] = module;
    return module;
}

static struct module *find_module(struct symbols *symbols, const char *path)
{
    if (symbols->last != NULL && strcmp(symbols->last->path, path) == 0)
        return symbols->last;
    struct module *module = NULL;
    for (size_t i = 0; i < symbols->module_count && module == NULL; i++) {
        if (strcmp(symbols->modules[i]->path, path) == 0)
            module = symbols->modules[i];
    }
    if (module == NULL)
        module = add_module(symbols, path);
    symbols->last = module;
    return module;
}

/* ---- resolving ---- */

/* The file offset as a link-time address; of overlapping segments the executable one. */
static bool offset_to_address(const struct module *module, uint64_t offset, uint64_t *address)
{
    const struct segment *found = NULL;
    for (size_t i = 0; i < module->segment_count; i++) {
        const struct segment *segment = &module->segments[i];
        bool inside = offset >= segment->offset && offset - segment->offset < segment->size;
        if (inside && (found == NULL || (segment->executable && !found->executable)))
            found = segment;
    }
    if (found != NULL)
        *address = offset - found->offset + found->address;
    return found != NULL;
}

static const char *die_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
    return name != NULL ? name : dwarf_diename(die);
}

static int add_function(Dwarf_Die *die, void *argument)
{
    struct unit *unit = argument;
    Dwarf_Addr base, start, end;
    ptrdiff_t next = dwarf_ranges(die, 0, &base, &start, &end);
    const char *name = next > 0 ? die_name(die) : NULL;
    while (name != NULL && next > 0) {
        spans_add(&unit->functions,
                  (struct span){.start = start, .end = end, .rank = name_rank(name), .name = name});
        next = dwarf_ranges(die, next, &base, &start, &end);
    }
    return DWARF_CB_OK;
}

static void load_functions(struct unit *unit)
{
    Dwarf_Die split;
    uint8_t kind;
    unit->loaded = true;
    /* With -gsplit-dwarf the functions are in the .dwo file. */
    if (dwarf_cu_info(unit->die.cu, NULL, &kind, NULL, &split, NULL, NULL, NULL) == 0 &&
        kind == DW_UT_skeleton && dwarf_tag(&split) == DW_TAG_compile_unit)
        dwarf_getfuncs(&split, add_function, unit, 0);
    else
        dwarf_getfuncs(&unit->die, add_function, unit, 0);
    spans_sort(&unit->functions);
}

static void resolve_by_dwarf(struct module *module, uint64_t address, struct symbol *out)
{
    const struct span *range = spans_find(&module->unit_ranges, address);
    if (range == NULL)
        return;
    struct unit *unit = &module->units[range->unit];
    if (!unit->loaded)
        load_functions(unit);
    const struct span *function = spans_find(&unit->functions, address);
    if (function != NULL)
        out->function = function->name;
    /* A unit of assembly has no functions but lines. In any other, an address outside of all
     * functions would get the last line of its neighbour. */
    if (function == NULL && unit->functions.count != 0)
        return;
    Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
    int number = 0;
    if (line == NULL)
        return;
    out->file = dwarf_linesrc(line, NULL, NULL);
    if (out->file != NULL && dwarf_lineno(line, &number) == 0 && number > 0)
        out->line = (unsigned)number;
}

static struct symbol resolve_address(struct module *module, uint64_t address)
{
    struct symbol symbol = {0};
    resolve_by_dwarf(module, address - module->dwarf_bias, &symbol);
    const struct span *span = spans_find(&module->elf_symbols, address);
    /* The source may say __libc_malloc where the library's symbol is malloc. */
    if (span != NULL &&
        (symbol.function == NULL || strspn(span->name, "_") < strspn(symbol.function, "_")))
        symbol.function = span->name;
    return symbol;
}

static struct answer *find_slot(struct answer *answers, size_t capacity,
                                const struct module *module, uint64_t address)
{
    uint64_t hash = (address ^ (uintptr_t)module >> 4) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(hash >> 20) & (capacity - 1);
    while (answers[slot].module != NULL &&
           (answers[slot].module != module || answers[slot].address != address))
        slot = (slot + 1) & (capacity - 1);
    return &answers[slot];
}

/* Keeps at least half of the slots free, so a search ends. */
static bool grow_answers(struct symbols *symbols)
{
    if (2 * (symbols->answer_count + 1) <= symbols->answer_capacity)
        return true;
    size_t capacity = symbols->answer_capacity != 0 ? 2 * symbols->answer_capacity : 1024;
    struct answer *answers = calloc(capacity, sizeof(*answers));
    if (answers == NULL)
        return false;
    for (size_t i = 0; i < symbols->answer_capacity; i++) {
        const struct answer *old = &symbols->answers[i];
        if (old->module != NULL)
            *find_slot(answers, capacity, old->module, old->address) = *old;
    }
    free(symbols->answers);
    symbols->answers = answers;
    symbols->answer_capacity = capacity;
    return true;
}

static struct symbol cached_resolve(struct symbols *symbols, struct module *module,
                                    uint64_t address)
{
    if (!grow_answers(symbols))
        return resolve_address(module, address);
    struct answer *slot = find_slot(symbols->answers, symbols->answer_capacity, module, address);
    if (slot->module == NULL) {
        *slot = (struct answer){module, address, resolve_address(module, address)};
        symbols->answer_count++;
    }
    return slot->symbol;
}

struct symbols *symbols_new(void)
{
    return calloc(1, sizeof(struct symbols));
}

void symbols_free(struct symbols *symbols)
{
    if (symbols == NULL)
        return;
    for (size_t i = 0; i < symbols->module_count; i++)
        free_module(symbols->modules[i]);
    free(symbols->modules);
    free(symbols->answers);
    free(symbols);
}

int symbols_resolve(struct symbols *symbols, const char *path, uint64_t file_offset, bool exact_ip,
                    struct symbol *out)
{
    *out = (struct symbol){0};
    if (!exact_ip && file_offset == 0)
        return -ENOENT;
    struct module *module = find_module(symbols, path);
    uint64_t address;
    if (module == NULL || module->dwfl == NULL ||
        !offset_to_address(module, exact_ip ? file_offset : file_offset - 1, &address))
        return -ENOENT;
    *out = cached_resolve(symbols, module, address + module->bias);
    return out->function != NULL ? 0 : -ENOENT;
}
