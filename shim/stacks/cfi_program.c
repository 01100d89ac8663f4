#include "shim/stacks/cfi_program.h"
#include <string.h>

/* ---- expressions ---- */

/* A value on the stack of an expression; what `base` has no name for is CONSTANT. */
#define CONSTANT ((enum cfi_base)(CFI_CFA + 1))
#define DEPTH 8u
#define LONGEST_LEB 10

struct expression {
    struct cfi_reader r;
    uintptr_t pc; /* of the frame */
    struct cfi_value stack[DEPTH];
    unsigned count;
};

static void push(struct expression *e, enum cfi_base base, intptr_t offset)
{
    if (e->count == DEPTH) {
        e->r.bad = true;
        return;
    }
    e->stack[e->count++] = (struct cfi_value){base, false, offset};
}

static struct cfi_value pop(struct expression *e)
{
    static const struct cfi_value none = {.base = CONSTANT};
    if (e->count)
        return e->stack[--e->count];
    e->r.bad = true;
    return none;
}

static void push_register(struct expression *e, unsigned which)
{
    intptr_t offset = SLEB(&e->r);
    if (which == REGISTER_SP)
        push(e, CFI_SP, offset);
    else if (which == REGISTER_FP)
        push(e, CFI_FP, offset);
    else if (which == REGISTER_PC)
        push(e, CONSTANT, (intptr_t)(e->pc + (uintptr_t)offset));
    else
        e->r.bad = true;
}

static void load(struct expression *e)
{
    struct cfi_value v = pop(e);
    if (v.loads || v.base == CONSTANT)
        e->r.bad = true;
    push(e, v.base, v.offset);
    if (e->count)
        e->stack[e->count - 1].loads = true;
}

enum { OP_AND = 0x1a, OP_MINUS = 0x1c, OP_PLUS = 0x22, OP_SHL = 0x24, OP_GE = 0x2a };

static void binary(struct expression *e, uint8_t op)
{
    struct cfi_value b = pop(e), a = pop(e);
    bool sum = op == OP_PLUS || op == OP_MINUS;
    if (op == OP_PLUS && a.base == CONSTANT) {
        struct cfi_value other = a;
        a = b;
        b = other;
    }
    if (a.loads || b.base != CONSTANT || (a.base != CONSTANT && !sum))
        e->r.bad = true;
    uintptr_t x = (uintptr_t)a.offset, y = (uintptr_t)b.offset;
    if (op == OP_PLUS)
        x += y;
    else if (op == OP_MINUS)
        x -= y;
    else if (op == OP_AND)
        x &= y;
    else if (op == OP_SHL)
        x = y < 8 * sizeof x ? x << y : 0;
    else
        x = (intptr_t)x >= (intptr_t)y;
    push(e, a.base, (intptr_t)x);
}

static void operation(struct expression *e, uint8_t op)
{
    if (op >= 0x30 && op <= 0x4f) /* DW_OP_lit0 ... */
        return push(e, CONSTANT, op - 0x30);
    if (op >= 0x70 && op <= 0x8f) /* DW_OP_breg0 ... */
        return push_register(e, op - 0x70u);
    switch (op) {
    case 0x06: /* DW_OP_deref */
        return load(e);
    case 0x08: /* DW_OP_const1u ... DW_OP_const4s */
    case 0x0a:
    case 0x0c:
        return push(e, CONSTANT, (intptr_t)cfi_number(&e->r, 1u << (op - 0x08) / 2));
    case 0x09:
    case 0x0b:
    case 0x0d:
        return push(e, CONSTANT, (intptr_t)cfi_signed(&e->r, 1u << (op - 0x09) / 2));
    case 0x10: /* DW_OP_constu, DW_OP_consts */
        return push(e, CONSTANT, (intptr_t)ULEB(&e->r));
    case 0x11:
        return push(e, CONSTANT, SLEB(&e->r));
    case 0x23: /* DW_OP_plus_uconst */
        push(e, CONSTANT, (intptr_t)ULEB(&e->r));
        return binary(e, OP_PLUS);
    case OP_AND:
    case OP_MINUS:
    case OP_PLUS:
    case OP_SHL:
    case OP_GE:
        return binary(e, op);
    }
    e->r.bad = true;
}

bool cfi_evaluate(const uint8_t *block, uintptr_t pc, bool cfa, struct cfi_value *value)
{
    struct expression e = {.r = {.at = block, .end = block + LONGEST_LEB}, .pc = pc};
    size_t size = (size_t)ULEB(&e.r);
    e.r.end = e.r.at + size;
    if (cfa)
        push(&e, CFI_CFA, 0);
    while (!e.r.bad && e.r.at < e.r.end)
        operation(&e, (uint8_t)cfi_number(&e.r, 1));
    *value = pop(&e);
    return !e.r.bad && value->base != CONSTANT;
}

/* ---- the program of a frame ---- */

static struct cfi_saved *saved_of(struct cfi_row *row, uint64_t reg)
{
    return reg == REGISTER_FP ? &row->fp : reg == REGISTER_PC ? &row->pc : &row->other;
}

static void set(struct cfi_program *p, uint64_t reg, enum how how, intptr_t offset)
{
    *saved_of(&p->row, reg) = (struct cfi_saved){.how = how, .offset = offset};
}

static void set_block(struct cfi_program *p, enum how how)
{
    uint64_t reg = ULEB(&p->r);
    saved_of(&p->row, reg)->how = how;
    saved_of(&p->row, reg)->block = p->r.at;
    cfi_take(&p->r, (size_t)ULEB(&p->r));
}

static void remember(struct cfi_program *p)
{
    if (p->depth == CFI_REMEMBERED)
        p->r.bad = true;
    else
        p->remembered[p->depth++] = p->row;
}

static void restore_state(struct cfi_program *p)
{
    if (p->depth == 0)
        p->r.bad = true;
    else
        p->row = p->remembered[--p->depth];
}

/* A number in units of the table: of a damaged one anything, as the machine multiplies. */
static intptr_t scaled(struct cfi_program *p, bool is_signed)
{
    return (intptr_t)((uintptr_t)cfi_leb(&p->r, is_signed) * (uintptr_t)p->data_unit);
}

static void define_cfa(struct cfi_program *p, bool reg, bool offset, bool factored)
{
    if (reg)
        p->row.reg = (unsigned)ULEB(&p->r);
    if (offset)
        p->row.offset = factored ? scaled(p, true) : (intptr_t)ULEB(&p->r);
    p->row.block = NULL;
}

static void define_cfa_by_expression(struct cfi_program *p)
{
    p->row.block = p->r.at;
    cfi_take(&p->r, (size_t)ULEB(&p->r));
}

/* The instructions with the operand in their own byte. */
static void short_instruction(struct cfi_program *p, uint8_t op)
{
    uint8_t operand = op & 0x3f;
    if (op >> 6 == 1)
        p->at += operand * p->code_unit;
    else if (op >> 6 == 2)
        set(p, operand, HOW_SAVED, scaled(p, false));
    else
        *saved_of(&p->row, operand) = *saved_of(&p->first, operand);
}

static void about_register(struct cfi_program *p, uint8_t op)
{
    uint64_t reg = ULEB(&p->r);
    switch (op) {
    case 0x05: /* DW_CFA_offset_extended */
        return set(p, reg, HOW_SAVED, scaled(p, false));
    case 0x06: /* DW_CFA_restore_extended */
        *saved_of(&p->row, reg) = *saved_of(&p->first, reg);
        return;
    case 0x07: /* DW_CFA_undefined */
        return set(p, reg, HOW_UNDEFINED, 0);
    case 0x08: /* DW_CFA_same_value */
        return set(p, reg, HOW_SAME, 0);
    case 0x09: /* DW_CFA_register */
        ULEB(&p->r);
        return set(p, reg, HOW_OTHER, 0);
    case 0x11: /* DW_CFA_offset_extended_sf */
        return set(p, reg, HOW_SAVED, scaled(p, true));
    case 0x14: /* DW_CFA_val_offset */
        return set(p, reg, HOW_VALUE, scaled(p, false));
    case 0x15: /* DW_CFA_val_offset_sf */
        return set(p, reg, HOW_VALUE, scaled(p, true));
    }
    p->r.bad = true;
}

static void instruction(struct cfi_program *p, uint8_t op)
{
    if (op >> 6)
        return short_instruction(p, op);
    switch (op) {
    case 0x00: /* DW_CFA_nop */
        return;
    case 0x01: /* DW_CFA_set_loc */
        p->at = cfi_pointer(&p->r, p->encoding);
        return;
    case 0x02: /* DW_CFA_advance_loc1, 2, 4 */
    case 0x03:
    case 0x04:
        p->at += (uintptr_t)cfi_number(&p->r, 1u << (op - 0x02)) * p->code_unit;
        return;
    case 0x0a: /* DW_CFA_remember_state */
        return remember(p);
    case 0x0b: /* DW_CFA_restore_state */
        return restore_state(p);
    case 0x0c: /* DW_CFA_def_cfa, _register, _offset, _expression */
        return define_cfa(p, true, true, false);
    case 0x0d:
        return define_cfa(p, true, false, false);
    case 0x0e:
        return define_cfa(p, false, true, false);
    case 0x0f:
        return define_cfa_by_expression(p);
    case 0x10: /* DW_CFA_expression */
        return set_block(p, HOW_SAVED_BY);
    case 0x12: /* DW_CFA_def_cfa_sf, _offset_sf */
        return define_cfa(p, true, true, true);
    case 0x13:
        return define_cfa(p, false, true, true);
    case 0x16: /* DW_CFA_val_expression */
        return set_block(p, HOW_VALUE_BY);
    case 0x2e: /* DW_CFA_GNU_args_size */
        ULEB(&p->r);
        return;
    }
    about_register(p, op);
}

bool cfi_run(struct cfi_program *p)
{
    while (!p->r.bad && p->r.at < p->r.end) {
        struct cfi_row before = p->row;
        uint8_t op = (uint8_t)cfi_number(&p->r, 1);
        instruction(p, op);
        if (p->at > p->address) {
            p->row = before;
            break;
        }
    }
    return !p->r.bad;
}
