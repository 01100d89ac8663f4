#include "runner/ptrace/emulate.h"
#include <string.h>

#define FLAGS_OF_RESULT 0x8d5u /* CF, PF, AF, ZF, SF, OF */
#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define OF 0x800u

static unsigned long long *reg(struct user_regs_struct *r, unsigned number)
{
    unsigned long long *const all[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
                                         &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
                                         &r->r12, &r->r13, &r->r14, &r->r15};
    return all[number & 15];
}

static unsigned parity(uint64_t result)
{
    return __builtin_parity((unsigned)result & 0xff) ? 0 : PF;
}

static void set_flags(struct user_regs_struct *r, unsigned flags)
{
    r->eflags = (r->eflags & ~(unsigned long long)FLAGS_OF_RESULT) | flags;
}

/* cmp of two bytes, Intel's manual, volume 1, appendix A. */
static void compare_bytes(struct user_regs_struct *r, uint8_t a, uint8_t b)
{
    uint8_t result = (uint8_t)(a - b);
    set_flags(r, (a < b ? CF : 0) | parity(result) | ((a ^ b ^ result) & AF) | (result ? 0 : ZF) |
                     (result & 0x80 ? SF : 0) | (((a ^ b) & (a ^ result)) & 0x80 ? OF : 0));
}

static bool push(struct user_regs_struct *r, unsigned number, unsigned bytes, bool is64,
                 uint64_t *value, unsigned *store)
{
    *value = *reg(r, number);
    *store = is64 ? 8 : 4;
    r->rsp -= *store;
    r->rip += bytes;
    return true;
}

/* test or mov of 64-bit registers: REX.W, opcode, ModRM with two registers. */
static bool two_registers(struct user_regs_struct *r, const uint8_t *c)
{
    if ((c[0] & 0xf8) != 0x48 || c[2] < 0xc0)
        return false;
    unsigned long long *to = reg(r, (c[2] & 7u) | (c[0] & 1u) << 3);
    unsigned long long from = *reg(r, (c[2] >> 3 & 7u) | (c[0] & 4u) << 1);
    if (c[1] == 0x89) {
        *to = from;
    } else if (c[1] == 0x85) {
        uint64_t result = *to & from;
        set_flags(r, parity(result) | (result ? 0 : ZF) | (result >> 63 ? SF : 0));
    } else {
        return false;
    }
    r->rip += 3;
    return true;
}

/* cmpb $immediate, displacement(%rip) */
static bool compare_memory(struct user_regs_struct *r, const uint8_t *c,
                           bool (*byte_at)(void *arg, uint64_t address, uint8_t *out), void *arg)
{
    int32_t displacement;
    uint8_t byte;
    memcpy(&displacement, c + 2, sizeof displacement);
    if (!byte_at(arg, r->rip + 7 + (uint64_t)(int64_t)displacement, &byte))
        return false;
    compare_bytes(r, byte, c[6]);
    r->rip += 7;
    return true;
}

bool emulate_instruction(struct user_regs_struct *r, const uint8_t code[16], bool is64,
                         bool (*byte_at)(void *arg, uint64_t address, uint8_t *out), void *arg,
                         uint64_t *value, unsigned *store)
{
    static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e};
    *store = 0;
    if ((code[0] & 0xf8) == 0x50)
        return push(r, code[0] & 7, 1, is64, value, store);
    if (is64 && code[0] == 0x41 && (code[1] & 0xf8) == 0x50)
        return push(r, 8 | (code[1] & 7), 2, is64, value, store);
    if (memcmp(code, endbr, sizeof endbr) == 0 && (code[3] == 0xfa || code[3] == 0xfb)) {
        r->rip += 4;
        return true;
    }
    if (is64 && code[0] == 0x80 && code[1] == 0x3d)
        return compare_memory(r, code, byte_at, arg);
    return is64 && two_registers(r, code);
}
