#include "runner/ptrace/breakpoints.h"
#include "runner/ptrace/mem.h"
#include "schemas/names.h"
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

/* In this order: memalign is the same function as aligned_alloc in glibc, and called so. */
static const enum pmt_call functions[] = {
    PMT_CALL_MALLOC, PMT_CALL_CALLOC,        PMT_CALL_REALLOC,  PMT_CALL_REALLOCARRAY,
    PMT_CALL_FREE,   PMT_CALL_ALIGNED_ALLOC, PMT_CALL_MEMALIGN, PMT_CALL_POSIX_MEMALIGN,
    PMT_CALL_VALLOC, PMT_CALL_PVALLOC};
#define FUNCTIONS (sizeof functions / sizeof *functions)

/* Names that only glibc has: one is local, of static programs; one is exported by its libc.so.6. */
static bool is_of_glibc(const char *name)
{
    return strcmp(name, "_int_malloc") == 0 || strcmp(name, "gnu_get_libc_version") == 0;
}

static void add(struct breakpoints *b, uint64_t address, enum pmt_call call)
{
    if (breakpoints_at(b, address) || b->count == BREAKPOINTS_MAX)
        return;
    b->items[b->count++] = (struct breakpoint){.address = address, .call = call};
}

struct symbol_table {
    Elf_Data *data;
    size_t count, strings;
};

static void find_function(struct breakpoints *b, Elf *elf, const struct symbol_table *t,
                          uint64_t bias, size_t wanted)
{
    GElf_Sym symbol;
    for (size_t i = 0; i < t->count && gelf_getsym(t->data, (int)i, &symbol); i++) {
        const char *name = elf_strptr(elf, t->strings, symbol.st_name);
        if (!name || symbol.st_shndx == SHN_UNDEF)
            continue;
        if (strcmp(name, "__abort_msg") == 0)
            b->abort_message = symbol.st_value + bias;
        if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
            continue;
        if (strcmp(name, names_call(functions[wanted])) == 0)
            add(b, symbol.st_value + bias, functions[wanted]);
        if (is_of_glibc(name))
            b->glibc = true;
    }
}

static void read_symbols(struct breakpoints *b, Elf *elf, uint64_t bias)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || !header.sh_entsize ||
            (header.sh_type != SHT_SYMTAB && header.sh_type != SHT_DYNSYM))
            continue;
        struct symbol_table t = {elf_getdata(section, NULL), header.sh_size / header.sh_entsize,
                                 header.sh_link};
        for (size_t i = 0; t.data && i < FUNCTIONS; i++)
            find_function(b, elf, &t, bias, i);
    }
}

/* Where these bytes are in the code by chance; 0: nowhere. */
static uint64_t find_code(const struct breakpoints *b, int fd, const GElf_Phdr *code, uint64_t bias,
                          const char *wanted)
{
    const size_t size = strlen(wanted);
    uint8_t bytes[4096];
    ssize_t got = (ssize_t)size;
    for (uint64_t at = 0; at + size <= code->p_filesz && got >= (ssize_t)size;
         at += (uint64_t)got - size + 1) {
        uint64_t left = code->p_filesz - at;
        got = pread(fd, bytes, left < sizeof bytes ? left : sizeof bytes,
                    (off_t)(code->p_offset + at));
        for (ssize_t i = 0; i + (ssize_t)size <= got; i++) {
            uint64_t address = code->p_vaddr + bias + at + (uint64_t)i;
            if (memcmp(bytes + i, wanted, size) == 0 && !breakpoints_at(b, address))
                return address;
        }
    }
    return 0;
}

/* The last byte of the code's last page, behind the code: the breakpoint there is our own. */
static void add_trap(struct breakpoints *b, const GElf_Phdr *code, uint64_t bias)
{
    const uint64_t page = 4096;
    uint64_t end = code->p_vaddr + code->p_filesz, last = (end | (page - 1)) + bias;
    if (end % page == 0 || code->p_memsz != code->p_filesz || b->count == BREAKPOINTS_MAX)
        return;
    add(b, last, PMT_CALL_NONE);
    b->trap = last;
    b->hi = last + 1;
}

static bool read_file(struct breakpoints *b, int fd, Elf *elf, uint64_t start, uint64_t offset,
                      uint64_t entry)
{
    const uint64_t page = 4096;
    GElf_Ehdr header;
    GElf_Phdr segment, code = {0};
    size_t count = 0;
    if (!gelf_getehdr(elf, &header) || elf_getphdrnum(elf, &count) != 0)
        return false;
    uint64_t bias = entry - header.e_entry;
    for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &segment); i++) {
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X))
            continue;
        code = segment;
        if (start && (segment.p_offset & ~(page - 1)) == offset)
            bias = start - (segment.p_vaddr & ~(page - 1));
    }
    read_symbols(b, elf, bias);
    b->lo = code.p_vaddr + bias;
    b->hi = b->lo + code.p_memsz;
    b->trap = find_code(b, fd, &code, bias, "\xcc");
    b->system_call =
        find_code(b, fd, &code, bias, gelf_getclass(elf) == ELFCLASS64 ? "\x0f\x05" : "\xcd\x80");
    bool has_malloc = b->count > 0 && b->items[0].call == PMT_CALL_MALLOC;
    if (has_malloc && !b->trap)
        add_trap(b, &code, bias);
    b->of_program = has_malloc && !start;
    return has_malloc && b->trap;
}

bool breakpoints_find(struct breakpoints *b, const char *path, uint64_t start, uint64_t offset,
                      uint64_t entry)
{
    *b = (struct breakpoints){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || elf_version(EV_CURRENT) == EV_NONE)
        return false;
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    bool found = elf && elf_kind(elf) == ELF_K_ELF && read_file(b, fd, elf, start, offset, entry);
    elf_end(elf);
    close(fd);
    if (!found)
        b->count = 0;
    return found;
}

const struct breakpoint *breakpoints_at(const struct breakpoints *b, uint64_t address)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->items[i].address == address)
            return &b->items[i];
    return NULL;
}

void breakpoints_set(struct breakpoints *b, pid_t tid)
{
    static const uint8_t trap = BREAKPOINTS_INT3;
    for (size_t i = 0; i < b->count; i++)
        if (!mem_read(tid, b->items[i].address, b->items[i].code, sizeof b->items[i].code) ||
            !mem_write_code(tid, b->items[i].address, &trap, 1)) {
            b->items[i] = b->items[--b->count];
            i--;
        }
}

void breakpoints_remove(const struct breakpoints *b, pid_t tid)
{
    for (size_t i = 0; i < b->count; i++)
        mem_write_code(tid, b->items[i].address, b->items[i].code, 1);
}
