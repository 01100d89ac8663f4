#include "runner/symbols/sites.h"
#include "runner/base/memory.h"
#include <gelf.h>
#include <string.h>

#define NEAR 64u     /* bytes before it in which the number is looked for */
#define NUMBERS 512u /* of system calls */
#define CODE_MAX (64u << 20)

/* The number that was put into eax last before the bytes at `at`; NUMBERS: none. */
static uint32_t number_before(const uint8_t *code, size_t at)
{
    const uint8_t mov_to_eax = 0xb8;
    for (size_t back = 5; back <= NEAR && back <= at; back++) {
        const uint8_t *mov = code + at - back;
        uint32_t number;
        if (*mov != mov_to_eax)
            continue;
        memcpy(&number, mov + 1, sizeof number);
        if (number < NUMBERS)
            return number;
    }
    return NUMBERS;
}

static void find_in(struct sites *out, const uint8_t *code, size_t size, uint64_t offset, bool is64)
{
    for (size_t i = 0; i + 1 < size && out->count < SITES_MAX; i++) {
        bool is_syscall = is64 && code[i] == 0x0f && code[i + 1] == 0x05;
        bool is_int = code[i] == 0xcd && code[i + 1] == 0x80;
        bool is_sysenter = !is64 && code[i] == 0x0f && code[i + 1] == 0x34;
        if (!is_syscall && !is_int && !is_sysenter)
            continue;
        uint32_t number = number_before(code, i);
        if (number < NUMBERS)
            out->items[out->count++] = (struct site){offset + i, (uint16_t)number, !is_syscall};
    }
}

void sites_find(struct sites *out, Elf *elf)
{
    size_t count;
    GElf_Phdr segment;
    bool is64 = gelf_getclass(elf) == ELFCLASS64;
    if (elf_getphdrnum(elf, &count) != 0)
        return;
    for (size_t i = 0; i < count && gelf_getphdr(elf, (int)i, &segment); i++) {
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X) || segment.p_filesz > CODE_MAX)
            continue;
        Elf_Data *code =
            elf_getdata_rawchunk(elf, (int64_t)segment.p_offset, segment.p_filesz, ELF_T_BYTE);
        if (code && code->d_buf)
            find_in(out, code->d_buf, code->d_size, segment.p_offset, is64);
    }
}
