/* By the opcode maps of Intel's manual, volume 2, appendix A. Instructions that are not here stay
 * unknown. */
#include "runner/ptrace/access.h"

#define READ PMT_ACCESS_READ
#define WRITE PMT_ACCESS_WRITE
#define UNKNOWN PMT_ACCESS_UNKNOWN

struct span {
    uint8_t first, last, access;
};

static const struct span one_byte[] = {
    {0x38, 0x3b, READ},  {0x50, 0x57, WRITE}, {0x58, 0x5f, READ},  {0x63, 0x63, READ},
    {0x68, 0x68, WRITE}, {0x69, 0x69, READ},  {0x6a, 0x6a, WRITE}, {0x6b, 0x6b, READ},
    {0x84, 0x85, READ},  {0x86, 0x89, WRITE}, {0x8a, 0x8b, READ},  {0x8c, 0x8c, WRITE},
    {0x8e, 0x8e, READ},  {0x9c, 0x9c, WRITE}, {0x9d, 0x9d, READ},  {0xa0, 0xa1, READ},
    {0xa2, 0xa3, WRITE}, {0xa6, 0xa7, READ},  {0xaa, 0xab, WRITE}, {0xac, 0xaf, READ},
    {0xc0, 0xc1, WRITE}, {0xc2, 0xc3, READ},  {0xc6, 0xc7, WRITE}, {0xc8, 0xc8, WRITE},
    {0xc9, 0xc9, READ},  {0xd0, 0xd3, WRITE}, {0xe8, 0xe8, WRITE}, {0xfe, 0xfe, WRITE},
};

/* Behind 0f, or in map 1 of VEX and EVEX. */
static const struct span two_bytes[] = {
    {0x10, 0x10, READ},  {0x11, 0x11, WRITE}, {0x12, 0x12, READ},  {0x13, 0x13, WRITE},
    {0x16, 0x16, READ},  {0x17, 0x17, WRITE}, {0x28, 0x28, READ},  {0x29, 0x29, WRITE},
    {0x2b, 0x2b, WRITE}, {0x2e, 0x2f, READ},  {0x40, 0x4f, READ},  {0x51, 0x5f, READ},
    {0x6e, 0x6f, READ},  {0x7f, 0x7f, WRITE}, {0x90, 0x9f, WRITE}, {0xa3, 0xa3, READ},
    {0xab, 0xab, WRITE}, {0xaf, 0xaf, READ},  {0xb0, 0xb1, WRITE}, {0xb3, 0xb3, WRITE},
    {0xb6, 0xb7, READ},  {0xbb, 0xbb, WRITE}, {0xbc, 0xbf, READ},  {0xc0, 0xc1, WRITE},
    {0xc3, 0xc3, WRITE}, {0xd6, 0xd6, WRITE}, {0xe7, 0xe7, WRITE},
};

static enum pmt_access find(const struct span *spans, size_t count, uint8_t opcode)
{
    for (size_t i = 0; i < count; i++)
        if (spans[i].first <= opcode && opcode <= spans[i].last)
            return spans[i].access;
    return UNKNOWN;
}

/* Opcodes whose meaning is in the reg field of the byte behind. */
static enum pmt_access of_group(uint8_t opcode, uint8_t modrm)
{
    unsigned reg = modrm >> 3 & 7;
    switch (opcode) {
    case 0x80:
    case 0x81:
    case 0x83:
        return reg == 7 ? READ : WRITE; /* cmp; add and so on */
    case 0xf6:
    case 0xf7:
        return reg == 2 || reg == 3 ? WRITE : READ; /* not, neg; test, mul, div */
    case 0xff:
        return reg <= 1 ? WRITE : UNKNOWN; /* inc, dec; those that push what they read */
    }
    return UNKNOWN;
}

static bool is_prefix(uint8_t byte, bool is64)
{
    switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
        return true;
    }
    return is64 && (byte & 0xf0) == 0x40;
}

/* Whether it begins with VEX or EVEX, of map 1. */
static bool is_vector(const uint8_t *code, bool is64, unsigned *opcode_at)
{
    bool of_map_1 = code[0] == 0xc5 || (code[0] == 0xc4 && (code[1] & 0x1f) == 1) ||
                    (code[0] == 0x62 && (code[1] & 7) == 1);
    *opcode_at = code[0] == 0xc5 ? 2 : code[0] == 0xc4 ? 3 : 4;
    return of_map_1 && (is64 || (code[1] & 0xc0) == 0xc0);
}

enum pmt_access access_of_instruction(const uint8_t code[ACCESS_CODE], bool is64,
                                      const struct user_regs_struct *regs, uint64_t address)
{
    const size_t ones = sizeof one_byte / sizeof *one_byte;
    const size_t twos = sizeof two_bytes / sizeof *two_bytes;
    unsigned at = 0, opcode_at;
    while (at < ACCESS_CODE - 5 && is_prefix(code[at], is64))
        at++;
    const uint8_t opcode = code[at];
    if (is_vector(code + at, is64, &opcode_at))
        return find(two_bytes, twos, code[at + opcode_at]);
    if (opcode == 0x0f)
        return find(two_bytes, twos, code[at + 1]);
    if (opcode == 0xa4 || opcode == 0xa5) /* movs */
        return address == regs->rdi ? WRITE : address == regs->rsi ? READ : UNKNOWN;
    if (opcode < 0x38 && (opcode & 7) < 4) /* add and so on */
        return (opcode & 7) < 2 ? WRITE : READ;
    enum pmt_access access = find(one_byte, ones, opcode);
    return access == UNKNOWN ? of_group(opcode, code[at + 1]) : access;
}
